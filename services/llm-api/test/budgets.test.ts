import { startTcpProxy } from '@jan/testkit/tcp-proxy'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { ask, callAs, type MeteredService, startMetered } from './metered-service.ts'

let service: MeteredService
beforeAll(async () => {
  service = await startMetered()
})
beforeEach(() => service.setNow(undefined))
afterAll(async () => {
  await service.stop()
  await service.database.drop()
})

/** Each call of these tests takes 15 tokens, at 2 USD per million: 30 micro-USD. */
const prices = { prompt: 2, completion: 2 }
const call = (subject: string, more: { key?: string; projectId?: string } = {}, at = service) =>
  callAs(at, subject, { prices, ...(more.projectId ? { projectId: more.projectId } : {}) }, more.key)
const setBudget = async (budget: Record<string, unknown>) => {
  const { status, json } = await ask(service, 'root', 'POST /v1/admin/budgets', { json: budget })
  expect([status, json.id]).toEqual([201, expect.stringMatching(/^budg_[0-9a-z]{16}$/)])
  return String(json.id)
}
const left = ({ headers }: { headers: Headers }) => [
  headers.get('x-budget-remaining-tokens'),
  headers.get('x-budget-remaining-usd'),
]

test('a call over budget is 429 with what is left and when the period ends [L-074]', async () => {
  service.setNow(new Date('2026-02-03T22:00:00Z'))
  await setBudget({ subject_kind: 'user', subject_id: 'ann', period: 'day', tokens: 40, usd: 0.5 })
  const answers = [await call('ann'), await call('ann'), await call('ann')]
  expect(answers.map((answer) => [answer.status, ...left(answer)])).toEqual([
    [200, '40', '0.5'],
    [200, '25', '0.49997'],
    [200, '10', '0.49994'],
  ])
  const refused = await call('ann')
  expect([refused.status, ...left(refused), refused.headers.get('retry-after')]).toEqual([429, '0', '0.49991', '7200'])
  expect(refused.headers.get('x-should-retry')).toBe('false')
  expect(refused.json.error).toMatchObject({
    code: 'budget_exceeded',
    message: expect.stringContaining(
      '40 tokens for this day is spent; the next day begins at 2026-02-04T00:00:00.000Z',
    ),
  })
  expect((await call('ben')).status).toBe(200)
  service.setNow(new Date('2026-02-04T00:00:00Z'))
  expect(left(await call('ann'))).toEqual(['40', '0.5'])
})

test('budgets are of people, keys and projects, in money and by month, too, and the tightest is told [L-074]', async () => {
  service.setNow(new Date('2026-02-03T22:00:00Z'))
  await service.database.query(
    `INSERT INTO api_key VALUES ('00000000-0000-4000-8000-000000000001', 'cas', 'cas', NULL, 'k', 'p', 's', repeat('a', 64), '{}', '{}', true, now(), now())`,
  )
  await service.database.query(
    `INSERT INTO project (id, workspace_id, created_by, name, is_favorite, created_at, updated_at) SELECT 'proj_1', 'cas', 'cas', 'p', false, now(), now()`,
  )
  const key = '00000000-0000-4000-8000-000000000001'
  await setBudget({ subject_kind: 'user', subject_id: 'cas', period: 'month', usd: 0.0001 })
  await setBudget({ subject_kind: 'key', subject_id: key, period: 'month', tokens: 30 })
  await setBudget({ subject_kind: 'project', subject_id: 'proj_1', period: 'day', tokens: 15 })
  expect(left(await call('cas', { key }))).toEqual(['30', '0.0001'])
  service.setNow(new Date('2026-02-28T23:00:00Z'))
  expect(left(await call('cas', { key, projectId: 'proj_1' }))).toEqual(['15', '0.00007'])
  expect((await call('cas', { key })).json.error).toMatchObject({
    message: expect.stringContaining("The key's budget"),
  })
  expect((await call('cas', { projectId: 'proj_1' })).json.error).toMatchObject({
    message: expect.stringContaining("The project's"),
  })
  expect([(await call('cas')).status, (await call('cas')).status]).toEqual([200, 200])
  const refused = await call('cas')
  expect([refused.status, ...left(refused), refused.headers.get('retry-after')]).toEqual([429, null, '0', '3600'])

  const { json } = await ask(service, 'cas', 'GET /v1/budgets')
  const own = json.data as Record<string, unknown>[]
  expect(
    own
      .map((row) => [
        row.subject_kind,
        row.spent_tokens,
        row.remaining_tokens,
        row.spent_usd,
        row.remaining_usd,
        row.resets_at,
      ])
      .sort(),
  ).toEqual([
    ['key', 30, 0, 0.00006, null, '2026-03-01T00:00:00.000Z'],
    ['project', 15, 0, 0.00003, null, '2026-03-01T00:00:00.000Z'],
    ['user', 60, null, 0.00012, 0, '2026-03-01T00:00:00.000Z'],
  ])
  expect((await ask(service, 'ben', 'GET /v1/budgets')).json.data).toEqual([])
})

test('a budget that is raised or ended lets through at once, and each change is in the audit log [L-074 L-015]', async () => {
  const id = await setBudget({ subject_kind: 'user', subject_id: 'dan', period: 'day', tokens: 0 })
  expect((await call('dan')).status).toBe(429)
  expect((await ask(service, 'root', `PATCH /v1/admin/budgets/${id}`, { json: { tokens: 10 } })).json).toMatchObject({
    tokens: 10,
    usd: null,
  })
  expect([(await call('dan')).status, (await call('dan')).status]).toEqual([200, 429])
  expect(
    (await ask(service, 'root', `PATCH /v1/admin/budgets/${id}`, { json: { tokens: null, usd: 1 } })).json,
  ).toMatchObject({ tokens: null, usd: 1 })
  expect((await call('dan')).status).toBe(200)
  expect((await ask(service, 'root', `DELETE /v1/admin/budgets/${id}`)).json).toEqual({
    id,
    object: 'budget.deleted',
    deleted: true,
  })
  expect(left(await call('dan'))).toEqual([null, null])
  const noted = await service.database.query(
    'SELECT act, actor, details FROM audit_event WHERE target = $1 ORDER BY seq',
    [id],
  )
  expect(noted.map(({ act, actor }) => `${actor} ${act}`)).toEqual([
    'root budget.created',
    'root budget.changed',
    'root budget.changed',
    'root budget.deleted',
  ])
  expect(JSON.parse(String(noted[1]!.details))).toEqual({
    subject_kind: 'user',
    subject_id: 'dan',
    period: 'day',
    tokens: 10,
    usd: null,
  })
})

test('admins keep budgets, and what makes no sense is refused [L-074]', async () => {
  const good = { subject_kind: 'user', subject_id: 'eve', period: 'day', tokens: 5 }
  const id = await setBudget(good)
  const post = (json: unknown, headers = {}) => ask(service, 'root', 'POST /v1/admin/budgets', { json, headers })
  for (const [change, param] of [
    [{ tokens: -1 }, 'tokens'],
    [{ tokens: 1.5 }, 'tokens'],
    [{ tokens: '5' }, 'tokens'],
    [{ tokens: null }, 'tokens'],
    [{ usd: -0.01 }, 'usd'],
    [{ period: 'week' }, 'period'],
    [{ subject_kind: 'model' }, 'subject_kind'],
    [{ subject_id: '' }, 'subject_id'],
    [{ subject_kind: 'key', subject_id: 'none' }, 'subject_id'],
    [{ subject_kind: 'project', subject_id: 'proj_none' }, 'subject_id'],
  ] as const) {
    const { status, json } = await post({ ...good, ...change })
    expect([change, status, json.error]).toEqual([change, 400, expect.objectContaining({ param })])
  }
  expect((await post(good)).status).toBe(409)
  const retried = { ...good, period: 'month' }
  const twice = [await post(retried, { 'idempotency-key': 'k1' }), await post(retried, { 'idempotency-key': 'k1' })]
  expect(twice.map(({ status }) => status)).toEqual([201, 201])
  expect(twice[0]!.json.id).toBe(twice[1]!.json.id)
  expect((await ask(service, 'root', `GET /v1/admin/budgets/${id}`)).json).toMatchObject({
    id,
    tokens: 5,
    spent_tokens: 0,
  })
  expect((await ask(service, 'root', `PATCH /v1/admin/budgets/${id}`, { json: { tokens: null } })).status).toBe(400)
  for (const request of ['GET /v1/admin/budgets/budg_none', 'DELETE /v1/admin/budgets/budg_none'])
    expect((await ask(service, 'root', request)).status).toBe(404)
  expect((await ask(service, 'root', 'PATCH /v1/admin/budgets/budg_none', { json: {} })).status).toBe(404)
  const first = await ask(service, 'root', 'GET /v1/admin/budgets?limit=1&subject_id=eve')
  expect([(first.json.data as unknown[]).length, first.json.has_more]).toEqual([1, true])
  const next = await ask(service, 'root', `GET /v1/admin/budgets?limit=1&subject_id=eve&after=${first.json.last_id}`)
  expect([(next.json.data as unknown[]).length, next.json.has_more]).toEqual([1, false])
  for (const request of ['GET /v1/admin/budgets', `GET /v1/admin/budgets/${id}`, `DELETE /v1/admin/budgets/${id}`])
    expect((await ask(service, 'eve', request)).status).toBe(403)
})

test('what other replicas let through counts within seconds, and their changes hold [L-074]', async () => {
  const other = await startMetered({ database: service.database, issuer: service.issuer })
  await call('fay', {}, other)
  const id = await setBudget({ subject_kind: 'user', subject_id: 'fay', period: 'day', tokens: 30 })
  await call('fay')
  await until(async () => (await call('fay', {}, other)).status === 429)
  await until(async () => (await call('fay')).status === 429)
  const [{ spent } = {}] = await service.database.query(
    "SELECT sum(prompt_tokens + completion_tokens) AS spent FROM model_call WHERE created_by = 'fay'",
  )
  expect(Number(spent)).toBeGreaterThanOrEqual(30)
  await ask(service, 'root', `DELETE /v1/admin/budgets/${id}`)
  await until(async () => (await call('fay', {}, other)).status === 200)
  await other.stop()
})

test('what is spent counts while the database is away, and nobody is let in on nothing known [L-074]', async () => {
  const proxy = await startTcpProxy(Number(new URL(service.database.url).port))
  const databaseUrl = Object.assign(new URL(service.database.url), { port: String(proxy.port) }).toString()
  const other = await startMetered({ database: service.database, issuer: service.issuer, databaseUrl })
  proxy.cut()
  expect((await call('gus', {}, other)).status).toBe(503)
  proxy.restore()
  await setBudget({ subject_kind: 'user', subject_id: 'gus', period: 'day', tokens: 40 })
  expect(left(await call('gus', {}, other))).toEqual(['40', null])
  proxy.cut()
  const statuses = []
  while (statuses.length < 4) statuses.push((await call('gus', {}, other)).status)
  expect(statuses).toEqual([200, 200, 429, 429])
  proxy.restore()
  await other.stop()
  await proxy[Symbol.asyncDispose]()
  expect(
    await service.database.query("SELECT count(*)::int AS calls FROM model_call WHERE created_by = 'gus'"),
  ).toEqual([{ calls: 3 }])
})
