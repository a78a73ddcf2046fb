import { startTcpProxy } from '@jan/testkit/tcp-proxy'
import { createTokenIssuer } from '@jan/testkit/tokens'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { eraseUsage } from '../src/usage/erase-usage.ts'
import { usageOf } from '../src/usage/export-usage.ts'
import { ask, callAs, type MeteredService, OK, startMetered } from './metered-service.ts'

let service: MeteredService
beforeAll(async () => {
  service = await startMetered()
})
afterAll(async () => {
  await service.stop()
  await service.database.drop()
})

type Result = Record<string, unknown> & { amount: { value: number } }
type Bucket = { start_time: number; end_time: number; results: Result[] }
const usage = async (subject: string, query = '', path = '/v1/usage') =>
  (await ask(service, subject, `GET ${path}${query}`)).json as unknown as { data: Bucket[] }
const rowsOf = (subject: string) =>
  service.database.query('SELECT * FROM model_call WHERE created_by = $1 ORDER BY started_at, id', [subject])

async function gathered<T>(list: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const each of list) all.push(each)
  return all
}

test('a call is one row: who, what, tokens, price, times and outcome [L-070]', async () => {
  const usage = { promptTokens: 1000, completionTokens: 500, cachedTokens: 400, reasoningTokens: 100 }
  const prices = { prompt: 2, completion: 8, cached: 0.5 }
  const ids = { conversationId: 'conv_1', responseId: 'resp_1', projectId: 'proj_1' }
  await callAs(service, 'ann', { ...ids, prices, stream: true, result: { outcome: 'ok', status: 200, usage } }, 'key-1')
  const rows = await until(async () => {
    const found = await rowsOf('ann')
    return found.length > 0 && found
  })
  expect(rows).toEqual([
    {
      id: expect.stringMatching(/^call_[0-9a-f-]{36}$/),
      workspace_id: 'ann',
      created_by: 'ann',
      caller_kind: 'key',
      key_id: 'key-1',
      via: null,
      request_id: expect.any(String),
      conversation_id: 'conv_1',
      response_id: 'resp_1',
      project_id: 'proj_1',
      operation: 'chat',
      stream: true,
      model: 'm',
      provider_id: 'prov_one',
      provider_name: 'one',
      provider_model_id: 'm-q4',
      prompt_tokens: 1000,
      completion_tokens: 500,
      cached_tokens: 400,
      reasoning_tokens: 100,
      is_estimated: false,
      cost_micro_usd: String(600 * 2 + 400 * 0.5 + 500 * 8),
      attempts: 1,
      status: 200,
      outcome: 'ok',
      first_token_ms: expect.any(Number),
      duration_ms: expect.any(Number),
      started_at: expect.any(Date),
    },
  ])
})

test('what failed or was left is a row, too, and an estimate is marked [L-070 L-071]', async () => {
  await callAs(service, 'ben', { result: { outcome: 'failed', status: 502 } })
  await callAs(service, 'ben', { result: { ...OK, outcome: 'cancelled', status: 499, estimated: true } })
  const { data } = await usage('ben', '?group_by=model')
  expect(data[0]!.results).toMatchObject([{ num_model_requests: 2, num_estimated_requests: 1, input_tokens: 10 }])
  expect((await rowsOf('ben')).map((row) => [row.outcome, row.status, row.prompt_tokens, row.is_estimated])).toEqual([
    ['failed', 502, 0, false],
    ['cancelled', 499, 10, true],
  ])
})

test('usage is told by day, model, key and project, of oneself [L-073]', async () => {
  const [monday, tuesday] = [new Date('2026-03-02T23:59:59.999Z'), new Date('2026-03-03T00:00:00Z')]
  service.setNow(monday)
  await callAs(service, 'cas', { model: 'a', prices: { prompt: 1 } }, 'key-1')
  await callAs(service, 'cas', { model: 'org/b', projectId: 'proj_1' }, 'key-1')
  service.setNow(tuesday)
  await callAs(service, 'cas', { model: 'a', prices: { prompt: 1 } })
  await callAs(service, 'dan', { model: 'a' })
  const days = await usage('cas', '?start_time=2026-03-02&end_time=2026-03-04')
  expect(days).toEqual({
    object: 'page',
    has_more: false,
    next_page: null,
    data: [
      {
        object: 'bucket',
        start_time: Date.UTC(2026, 2, 2) / 1000,
        end_time: Date.UTC(2026, 2, 3) / 1000,
        results: [
          {
            object: 'usage.result',
            input_tokens: 20,
            output_tokens: 10,
            input_cached_tokens: 0,
            output_reasoning_tokens: 0,
            num_model_requests: 2,
            num_estimated_requests: 0,
            amount: { value: 0.00001, currency: 'usd' },
            model: null,
            api_key_id: null,
            project_id: null,
            user_id: null,
          },
        ],
      },
      expect.objectContaining({
        start_time: Date.UTC(2026, 2, 3) / 1000,
        results: [expect.objectContaining({ num_model_requests: 1 })],
      }),
    ],
  })
  const told = async (query: string) =>
    (await usage('cas', `?start_time=2026-03-01&end_time=2026-03-04T00:00:00Z&${query}`)).data.map(({ results }) =>
      results.map(({ model, api_key_id, project_id, num_model_requests }) =>
        [model, api_key_id, project_id, num_model_requests].join(' '),
      ),
    )
  expect(await told('group_by=model')).toEqual([['a   2', 'org/b   1']])
  expect(await told('group_by=day,model')).toEqual([[], expect.arrayContaining(['a   1', 'org/b   1']), ['a   1']])
  expect(await told('group_by=key&group_by=project')).toEqual([
    expect.arrayContaining([' key-1  1', ' key-1 proj_1 1', '   1']),
  ])
  expect(await told('group_by=model&model=org/b')).toEqual([['org/b   1']])
  expect(await told('group_by=model&key_id=key-1')).toEqual([expect.arrayContaining(['a   1', 'org/b   1'])])
  expect(await told('group_by=model&project_id=proj_1')).toEqual([['org/b   1']])
  expect(await told('group_by=model&project_id=proj_2')).toEqual([[]])
  const unix = `?start_time=${monday.getTime() / 1000 - 0.999}&end_time=${tuesday.getTime() / 1000}&group_by=model`
  expect((await usage('cas', unix)).data[0]!.results.length).toBe(2)
  service.setNow(undefined)
})

test('an admin sees what everybody has used, and nobody else does [L-073]', async () => {
  service.setNow(new Date('2026-04-01T12:00:00Z'))
  await callAs(service, 'eve')
  await callAs(service, 'fay')
  const query = '?start_time=2026-04-01&group_by=user'
  const { data } = await usage('root', query, '/v1/admin/usage')
  expect(data[0]!.results.map(({ user_id }) => user_id).sort()).toEqual(['eve', 'fay'])
  expect((await usage('root', `${query}&user_id=eve`, '/v1/admin/usage')).data[0]!.results.length).toBe(1)
  expect((await ask(service, 'eve', `GET /v1/admin/usage${query}`)).status).toBe(403)
  expect((await ask(service, 'eve', `GET /v1/usage${query}`)).status).toBe(400)
  service.setNow(undefined)
})

test('a senseless question is 400 and names the parameter [L-073]', async () => {
  for (const [query, param] of [
    ['group_by=hour', 'group_by'],
    ['group_by=', 'group_by'],
    ['start_time=yesterday', 'start_time'],
    ['end_time=-5', 'end_time'],
    ['start_time=99999999999999', 'start_time'],
    ['start_time=2026-01-02&end_time=2026-01-01', 'start_time'],
    ['start_time=2020-01-01&end_time=2026-01-01', 'start_time'],
    ['start_time=9000-01-01', 'start_time'],
    ['model=', 'model'],
  ]) {
    const { status, json } = await ask(service, 'ann', `GET /v1/usage?${query}`)
    expect([query, status, json.error]).toEqual([query, 400, expect.objectContaining({ param })])
  }
})

test('a retried write counts once, and the totals are those of the rows [L-070]', async () => {
  await callAs(service, 'gus')
  await service.parts.meter.flush()
  const rows = []
  for await (const row of service.parts.ledger.of('gus')) rows.push(row)
  await service.parts.ledger.write([...rows, ...rows, { ...rows[0]!, id: 'call_new' }])
  expect((await rowsOf('gus')).length).toBe(2)
  expect((await usage('gus', '?group_by=model')).data[0]!.results).toMatchObject([
    { num_model_requests: 2, input_tokens: 20 },
  ])
})

test('nothing is lost on a clean stop, nor while the database is away, and a broken row holds up nobody [L-072]', async () => {
  const proxy = await startTcpProxy(Number(new URL(service.database.url).port))
  const databaseUrl = Object.assign(new URL(service.database.url), { port: String(proxy.port) }).toString()
  const other = await startMetered({ database: service.database, issuer: service.issuer, databaseUrl })
  await callAs(other, 'hal')
  await other.parts.meter.flush()
  proxy.cut()
  for (let count = 0; count < 5; count += 1) await callAs(other, 'hal')
  await callAs(other, 'hal', { conversationId: 'conv_\u0000' })
  await expect(other.parts.meter.flush()).rejects.toThrow()
  proxy.restore()
  for (let count = 0; count < 5; count += 1) await callAs(other, 'hal')
  await other.stop()
  expect((await rowsOf('hal')).length).toBe(11)
  const metrics = await other.metrics.registry.metrics()
  expect(metrics).toMatch(/^llm_ledger_rows_total\{.*outcome="lost".*\} 1$/m)
  expect(metrics).toMatch(/^llm_ledger_rows_total\{.*outcome="written".*\} 11$/m)
  await proxy[Symbol.asyncDispose]()
})

test('the metrics tell requests, tokens and times by provider and model [L-077]', async () => {
  const other = await startMetered({ database: service.database, issuer: await createTokenIssuer() })
  await callAs(other, 'ida', {
    result: { ...OK, usage: { promptTokens: 7, completionTokens: 3, cachedTokens: 2, reasoningTokens: 1 } },
  })
  await callAs(other, 'ida', { result: { outcome: 'failed', status: 502 } })
  const metrics = await other.metrics.registry.metrics()
  const value = (name: string, ...labels: string[]) =>
    Number(
      metrics
        .split('\n')
        .find((line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)))
        ?.split(' ')
        .at(-1),
    )
  const place = ['provider="one"', 'model="m"']
  expect(value('llm_requests_total', ...place, 'operation="chat"', 'outcome="ok"')).toBe(1)
  expect(value('llm_requests_total', ...place, 'outcome="failed"')).toBe(1)
  const tokens = ['prompt', 'completion', 'cached', 'reasoning'].map((kind) =>
    value('llm_tokens_total', ...place, `kind="${kind}"`),
  )
  expect(tokens).toEqual([7, 3, 2, 1])
  expect(value('llm_time_to_first_token_seconds_count', ...place)).toBe(2)
  expect(value('llm_call_duration_seconds_count', ...place)).toBe(2)
  await other.stop()
})

test('what an erased person used stays in the totals, and names nobody [L-061]', async () => {
  service.setNow(new Date('2026-05-05T12:00:00Z'))
  for (const subject of ['jan', 'jan', 'kim'])
    await callAs(service, subject, { projectId: `proj_${subject}` }, `key-${subject}`)
  await ask(service, 'root', 'POST /v1/admin/budgets', {
    json: { subject_kind: 'user', subject_id: 'jan', period: 'day', tokens: 1_000_000 },
  })
  await ask(service, 'jan', 'PATCH /v1/me/settings', { json: { record_payloads: true } })
  await service.parts.meter.flush()
  const told = usageOf({ ...service.parts, now: () => new Date('2026-05-05T13:00:00Z') }, 'jan')
  const lists = await Promise.all(Object.values(told).map(gathered))
  expect(lists.map((list) => list.length)).toEqual([2, 1, 1])
  expect(lists.flat()).toEqual(
    expect.arrayContaining([expect.objectContaining({ object: 'model_call', api_key_id: 'key-jan' })]),
  )
  for (let times = 0; times < 2; times += 1) await eraseUsage(service.parts, 'jan')
  const { data } = await usage(
    'root',
    '?start_time=2026-05-05&end_time=2026-05-06&group_by=user,key,project',
    '/v1/admin/usage',
  )
  expect(
    data[0]!.results.map((row) => [
      row.user_id,
      row.api_key_id,
      row.project_id,
      row.num_model_requests,
      row.input_tokens,
    ]),
  ).toEqual([
    [null, null, null, 2, 20],
    ['kim', 'key-kim', 'proj_kim', 1, 10],
  ])
  for (const table of ['model_call', 'usage_day', 'budget', 'call_limit', 'workspace_settings'])
    expect(await service.database.query(`SELECT * FROM ${table} t WHERE t::text LIKE '%jan%'`)).toEqual([])
  service.setNow(undefined)
})

test('payloads are recorded for nobody who has not asked for it, and asking is noted [L-078]', async () => {
  const { payloads } = service.parts
  expect((await ask(service, 'leo', 'GET /v1/me/settings')).json).toEqual({
    object: 'workspace.settings',
    record_payloads: false,
  })
  await until(() => payloads.mayRecord('leo') === false)
  const chosen = await ask(service, 'leo', 'PATCH /v1/me/settings', { json: { record_payloads: true } })
  expect([chosen.status, chosen.json.record_payloads]).toEqual([200, true])
  expect([payloads.mayRecord('leo'), payloads.mayRecord('mia')]).toEqual([true, false])
  expect((await ask(service, 'leo', 'PATCH /v1/me/settings', { json: {} })).json.record_payloads).toBe(true)
  expect((await ask(service, 'leo', 'PATCH /v1/me/settings', { json: { record_payloads: 'yes' } })).status).toBe(400)
  expect(
    (await ask(service, 'leo', 'PATCH /v1/me/settings', { json: { record_payloads: false }, key: 'key-leo' })).status,
  ).toBe(403)
  expect((await ask(service, 'leo', 'GET /v1/me/settings')).json.record_payloads).toBe(true)
  await ask(service, 'leo', 'PATCH /v1/me/settings', { json: { record_payloads: false } })
  expect(payloads.mayRecord('leo')).toBe(false)
  const noted = await service.database.query(
    "SELECT details FROM audit_event WHERE act = 'settings.changed' AND actor = 'leo' ORDER BY seq",
  )
  expect(noted.map(({ details }) => details)).toEqual(['{"recordPayloads":true}', '{"recordPayloads":false}'])
})
