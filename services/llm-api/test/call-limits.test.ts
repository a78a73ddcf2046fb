import { startTestRedis, type TestRedis } from '@jan/testkit/redis'
import { until } from '@jan/testkit/until'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import type { LimitDefaults, LimitSettings } from '../src/limits/limits.ts'
import { ask, callAs, FREE, type MeteredService, OK, startMetered } from './metered-service.ts'

let first: MeteredService
let redis: TestRedis
let started: MeteredService[] = []
beforeAll(async () => {
  first = await startMetered()
  redis = await startTestRedis()
})
afterEach(async () => {
  for (const service of started) await service.stop()
  started = []
  await redis.judge.flushall()
})
afterAll(async () => {
  await first.stop()
  await redis.close()
  await first.database.drop()
})

/** A replica that is configured so. */
async function limited(limits: { [K in keyof LimitSettings]?: Partial<LimitDefaults> }, redisUrl?: string) {
  const settings = Object.fromEntries(Object.entries(limits).map(([kind, values]) => [kind, { ...FREE, ...values }]))
  const shared = { database: first.database, issuer: first.issuer }
  const service = await startMetered({ ...shared, limits: settings, ...(redisUrl ? { redisUrl } : {}) })
  started.push(service)
  return service
}
const told = ({ status, headers }: { status: number; headers: Headers }, kind: string) => [
  status,
  ...['limit', 'remaining', 'reset'].map((name) => headers.get(`x-ratelimit-${name}-${kind}`)),
]
const anyReset = expect.stringMatching(/^(1m0s|5\d(\.\d)?s)$/)

test('requests in a minute are limited, and every answer says where one stands [L-075]', async () => {
  const service = await limited({ user: { requestsPerMinute: 2 } })
  const answers = [await callAs(service, 'ann'), await callAs(service, 'ann'), await callAs(service, 'ann')]
  expect(answers.map((answer) => told(answer, 'requests'))).toEqual([
    [200, '2', '1', anyReset],
    [200, '2', '0', anyReset],
    [429, '2', '0', anyReset],
  ])
  expect(answers[2]!.json.error).toMatchObject({ type: 'rate_limit_error', code: 'rate_limit_exceeded' })
  expect(Number(answers[2]!.headers.get('retry-after'))).toBeGreaterThan(50)
  expect(told(await callAs(service, 'ben'), 'requests')).toEqual([200, '2', '1', anyReset])
})

test('without limits an answer tells of none [L-075]', async () => {
  const { status, headers } = await callAs(first, 'ann')
  expect([
    status,
    [...headers.keys()].filter((name) => name.startsWith('x-ratelimit') || name.startsWith('x-budget')),
  ]).toEqual([200, []])
})

test('tokens in a minute are limited by what is expected, and then by what was used [L-075]', async () => {
  const service = await limited({ user: { tokensPerMinute: 1000 } })
  const spend = (promptBytes: number, maxTokens: number, used: number) =>
    callAs(service, 'ann', {
      promptBytes,
      maxTokens,
      result: { ...OK, usage: { promptTokens: used, completionTokens: 0 } },
    })
  expect(told(await spend(400, 800, 300), 'tokens')).toEqual([200, '1000', '100', anyReset])
  expect(told(await spend(400, 0, 650), 'tokens')).toEqual([200, '1000', '600', anyReset])
  expect(told(await spend(0, 51, 0), 'tokens')).toEqual([429, '1000', '50', anyReset])
  expect(told(await spend(0, 50, 900), 'tokens')).toEqual([200, '1000', '0', anyReset])
  expect(told(await spend(0, 1, 0), 'tokens')).toEqual([429, '1000', '0', anyReset])
  const tooLarge = await callAs(service, 'ben', { promptBytes: 8000 })
  expect([tooLarge.status, (tooLarge.json.error as { message: string }).message]).toEqual([
    429,
    expect.stringContaining('2256 tokens, more than the 1000 a minute'),
  ])
  const nothing = await callAs(service, 'cas', { maxTokens: 1e300 })
  expect(nothing.status).toBe(429)
  // A call that failed took nothing, and one whose length nobody knows is let in on a small reserve.
  await callAs(service, 'dan', { promptBytes: 400, result: { outcome: 'failed', status: 502 } })
  expect(told(await spend(0, 0, 0), 'tokens')[0]).toBe(429)
  expect(told(await callAs(service, 'dan', { promptBytes: 400 }), 'tokens')).toEqual([200, '1000', '644', anyReset])
})

test('calls at a time are limited, and one that ends makes room [L-075]', async () => {
  const service = await limited({ user: { concurrentRequests: 2 } })
  for (let count = 0; count < 2; count += 1) expect((await callAs(service, 'ann', { hold: true })).status).toBe(200)
  const refused = await callAs(service, 'ann')
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1'])
  expect((await callAs(service, 'ben')).status).toBe(200)
  service.release()
  for (let count = 0; count < 5; count += 1) expect((await callAs(service, 'ann')).status).toBe(200)
})

test('people, keys and models are limited apart; what one of them refuses costs the others nothing [L-075]', async () => {
  const service = await limited({
    user: { requestsPerMinute: 5 },
    key: { requestsPerMinute: 2 },
    model: { requestsPerMinute: 4 },
  })
  const remaining = async (...call: Parameters<typeof callAs> extends [unknown, ...infer R] ? R : never) =>
    told(await callAs(service, ...call), 'requests').slice(0, 3)
  expect(await remaining('ann', { model: 'a' }, 'key-1')).toEqual([200, '2', '1'])
  expect(await remaining('ann', { model: 'a' }, 'key-1')).toEqual([200, '2', '0'])
  for (let count = 0; count < 5; count += 1)
    expect(await remaining('ann', { model: 'a' }, 'key-1')).toEqual([429, '2', '0'])
  expect(await remaining('ann', { model: 'a' }, 'key-2')).toEqual([200, '2', '1'])
  expect(await remaining('ben', { model: 'a' })).toEqual([200, '4', '0'])
  expect(await remaining('cas', { model: 'a' })).toEqual([429, '4', '0'])
  expect(await remaining('ann', { model: 'b' })).toEqual([200, '5', '1'])
})

test('an admin gives one person, key or model a limit of their own, which is noted [L-075 L-015]', async () => {
  const service = await limited({ user: { requestsPerMinute: 1 } })
  const admin = (request: string, json?: unknown) => ask(service, 'root', request, json === undefined ? {} : { json })
  const made = await admin('POST /v1/admin/limits', { subject_kind: 'user', subject_id: 'ann', requests_per_minute: 3 })
  expect([made.status, made.json]).toEqual([
    201,
    expect.objectContaining({ object: 'limit', requests_per_minute: 3, tokens_per_minute: null }),
  ])
  const id = String(made.json.id)
  expect(told(await callAs(service, 'ann'), 'requests')).toEqual([200, '3', '2', anyReset])
  expect(told(await callAs(service, 'ben'), 'requests')).toEqual([200, '1', '0', anyReset])
  await admin(`PATCH /v1/admin/limits/${id}`, { requests_per_minute: 0, concurrent_requests: 1 })
  expect(told(await callAs(service, 'ann', { hold: true }), 'requests')).toEqual([200, null, null, null])
  expect((await callAs(service, 'ann')).status).toBe(429)
  service.release()
  expect((await admin(`DELETE /v1/admin/limits/${id}`)).json).toEqual({ id, object: 'limit.deleted', deleted: true })
  expect((await callAs(service, 'ann')).status).toBe(429)
  const model = await admin('POST /v1/admin/limits', {
    subject_kind: 'model',
    subject_id: 'org/m',
    requests_per_minute: 1,
  })
  expect([
    (await callAs(service, 'cas', { model: 'org/m' })).status,
    (await callAs(service, 'dan', { model: 'org/m' })).status,
  ]).toEqual([200, 429])
  await admin(`DELETE /v1/admin/limits/${model.json.id}`)
  const noted = await service.database.query('SELECT act FROM audit_event WHERE target = $1 ORDER BY seq', [id])
  expect(noted.map(({ act }) => act)).toEqual(['limit.created', 'limit.changed', 'limit.deleted'])
})

test('limits that make no sense are refused, and are for admins [L-075]', async () => {
  const good = { subject_kind: 'user', subject_id: 'eve', requests_per_minute: 3 }
  const post = (json: unknown) => ask(first, 'root', 'POST /v1/admin/limits', { json })
  for (const [change, param] of [
    [{ requests_per_minute: -1 }, 'requests_per_minute'],
    [{ tokens_per_minute: 0.5 }, 'tokens_per_minute'],
    [{ concurrent_requests: 'many' }, 'concurrent_requests'],
    [{ subject_kind: 'project' }, 'subject_kind'],
  ] as const) {
    const { status, json } = await post({ ...good, ...change })
    expect([change, status, json.error]).toEqual([change, 400, expect.objectContaining({ param })])
  }
  expect([(await post(good)).status, (await post(good)).status]).toEqual([201, 409])
  const { json } = await ask(first, 'root', 'GET /v1/admin/limits?subject_id=eve')
  const [{ id }] = json.data as [{ id: string }]
  expect((await ask(first, 'root', `GET /v1/admin/limits/${id}`)).json).toMatchObject({ id, subject_id: 'eve' })
  expect((await ask(first, 'eve', 'GET /v1/admin/limits')).status).toBe(403)
  for (const request of ['GET /v1/admin/limits/limit_none', 'DELETE /v1/admin/limits/limit_none'])
    expect((await ask(first, 'root', request)).status).toBe(404)
  expect((await ask(first, 'root', 'PATCH /v1/admin/limits/limit_none', { json: {} })).status).toBe(404)
  await ask(first, 'root', `DELETE /v1/admin/limits/${id}`)
})

test('two replicas limit requests and tokens together, what was corrected, too [L-075]', async () => {
  const limits = { user: { requestsPerMinute: 50, tokensPerMinute: 1000 } }
  const [one, two] = [await limited(limits, redis.url), await limited(limits, redis.url)]
  await callAs(one, 'ann', {
    promptBytes: 0,
    maxTokens: 900,
    result: { ...OK, usage: { promptTokens: 300, completionTokens: 0 } },
  })
  const tokens = async () => Number(await redis.judge.get('limit:llm-api:tokens:user:ann'))
  await until(async () => (await tokens()) === 300)
  const left = await until(async () => {
    const answer = await callAs(two, 'ann', {
      promptBytes: 0,
      maxTokens: 1,
      result: { ...OK, usage: { promptTokens: 1, completionTokens: 0 } },
    })
    const remaining = Number(answer.headers.get('x-ratelimit-remaining-tokens'))
    return remaining < 700 && remaining
  })
  expect(left).toBeGreaterThan(600)
  expect(Number(await redis.judge.get('limit:llm-api:calls:user:ann'))).toBeGreaterThan(1)
})

test('two replicas limit calls at a time together, and one that is gone holds no place [L-075]', async () => {
  const limits = { user: { concurrentRequests: 2 } }
  const [one, two] = [await limited(limits, redis.url), await limited(limits, redis.url)]
  for (let count = 0; count < 2; count += 1) await callAs(one, 'ann', { hold: true })
  await until(async () => (await callAs(two, 'ann')).status === 429)
  expect((await callAs(two, 'ben')).status).toBe(200)
  one.release()
  await until(async () => (await callAs(two, 'ann')).status === 200)
  // A replica that was killed told this, and never takes it back.
  await redis.judge.hset('running:user:cas', 'gone', `2 ${Date.now()}`)
  await until(async () => (await callAs(two, 'cas')).status === 429)
  await until(async () => (await callAs(two, 'cas')).status === 200)
})

test('with Redis away each replica limits alone [L-075]', async () => {
  const other = await startTestRedis()
  const service = await limited({ user: { requestsPerMinute: 2, concurrentRequests: 1 } }, other.url)
  await other.close()
  expect((await callAs(service, 'ann', { hold: true })).status).toBe(200)
  expect((await callAs(service, 'ann')).status).toBe(429)
  service.release()
  expect([(await callAs(service, 'ann')).status, (await callAs(service, 'ann')).status]).toEqual([200, 429])
})
