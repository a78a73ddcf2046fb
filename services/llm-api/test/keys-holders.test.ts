import { createHash } from 'node:crypto'
import { startTestRedis, type TestRedis } from '@jan/testkit/redis'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { internalTokensOf } from './boot.ts'
import { type KeyService, startKeyService } from './key-service.ts'

let redis: TestRedis
let service: KeyService
beforeAll(async () => {
  redis = await startTestRedis()
  service = await startKeyService({ REDIS_URL: redis.url, API_KEY_VALIDATIONS_PER_MINUTE: '4' })
})
afterAll(async () => {
  await service.close()
  await redis.close()
})

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const chat = (headers: Record<string, string>) =>
  service.call('/v1/chat/completions', { headers, json: { model: 'none', messages: [{ role: 'user', content: 'x' }] } })
/** How many replicas hear of changed keys. */
const listening = async () => Number((await redis.judge.pubsub('NUMSUB', 'jan:api-keys:changed'))[1])
const stored = async (id: string) => (await service.database.query('SELECT * FROM api_key WHERE id = $1', [id]))[0]!

test('services learn whose key a hash is, nobody else does [I-042]', async () => {
  const { id, key, expires_at } = await service.keyOf('ann', { scopes: ['chat', 'media'] })
  expect((await service.introspect(sha256(key))).body).toEqual({
    active: true,
    key_id: id,
    subject: 'ann',
    workspace_id: 'ann',
    username: 'ann',
    roles: ['user'],
    scopes: ['chat', 'media'],
    expires_at,
  })
  expect((await service.introspect(sha256('sk_live_nobody'))).body).toEqual({ active: false })
  expect((await service.introspect(key)).status).toBe(400)
  const ask = (headers: Record<string, string>) =>
    service.call('/internal/api-keys/introspect', { headers, json: { hash: sha256(key) } })
  const forAnn = await internalTokensOf('media-api').mint('llm-api', {
    kind: 'user',
    subject: 'ann',
    workspaceId: 'ann',
    roles: ['user', 'admin'],
  })
  expect((await ask({})).status).toBe(401)
  expect((await ask(await service.as('ann', ['admin']))).status).toBe(403)
  expect((await ask({ 'x-api-key': key })).status).toBe(403)
  expect((await ask({ authorization: `Bearer ${forAnn}` })).status).toBe(403)
})

test('a key needs the scope of a route, a person does not [I-044]', async () => {
  const media = await service.keyOf('ben', { scopes: ['media'] })
  const refused = await chat({ 'x-api-key': media.key })
  expect([refused.status, refused.body.message]).toEqual([403, "This API key lacks the scope 'chat'"])
  const { key } = await service.keyOf('ben', { scopes: ['chat'] })
  expect((await chat({ 'x-api-key': key })).status).not.toBe(403)
  expect((await chat(await service.as('ben'))).status).not.toBe(403)
})

test('another service acts with the scopes of the key it was called with, no more [I-044]', async () => {
  const key = { kind: 'key' as const, subject: 'ben', workspaceId: 'ben', roles: ['user'], keyId: 'k' }
  const via = async (from: string, ...scopes: string[]) => {
    const token = await internalTokensOf(from).mint('llm-api', { ...key, scopes })
    return (await chat({ authorization: `Bearer ${token}` })).status
  }
  expect(await via('media-api', 'media')).toBe(403)
  expect(await via('mcp-tools', 'mcp', 'responses')).toBe(403)
  expect(await via('response-api', 'mcp')).toBe(403)
  expect(await via('response-api', 'responses')).not.toBe(403)
})

test('a key of a person who was disabled or removed is refused, and so it stays while the provider is away [I-049]', async () => {
  const [off, gone] = [await service.keyOf('off'), await service.keyOf('gone')]
  service.identity.people.set('off', { enabled: false, roles: ['user'] })
  service.identity.people.delete('gone')
  expect([await service.knock(off.key), await service.knock(gone.key)]).toEqual([401, 401])
  const other = await service.replica()
  service.identity.mood = 'away'
  expect([await other.knock(off.key), await other.knock(gone.key)]).toEqual([401, 401])
  service.identity.mood = 'well'
  service.identity.people.set('off', { enabled: true, roles: ['user'] })
  const third = await service.replica()
  expect(await third.knock(off.key)).toBe(200)
})

test.each(['away', 'silent'] as const)(
  'while the provider is %s keys go on, also at a new replica [I-049]',
  async (mood) => {
    const { key } = await service.keyOf(`still-${mood}`)
    const other = await service.replica()
    service.identity.mood = mood
    expect(await other.knock(key)).toBe(200)
    expect(await other.knock(`sk_live_${'0'.repeat(48)}`)).toBe(401)
    service.identity.mood = 'well'
  },
)

test('the provider is asked for a person once, not at every request [I-049]', async () => {
  const keys = [await service.keyOf('una'), await service.keyOf('una')]
  const before = service.identity.asked
  for (let times = 0; times < 5; times += 1) for (const { key } of keys) await service.knock(key)
  expect(service.identity.asked - before).toBe(1)
})

test('roles are those of today, and who is no admin any more has no keys of one [I-056]', async () => {
  const { key } = await service.keyOf('root', { scopes: ['admin', 'chat'] }, ['user', 'admin'])
  expect((await service.introspect(sha256(key))).body).toMatchObject({
    roles: ['admin', 'user'],
    scopes: ['admin', 'chat'],
  })
  service.identity.people.set('root', { enabled: true, roles: ['user'] })
  const other = await service.replica()
  expect((await other.introspect(sha256(key))).body).toMatchObject({ roles: ['user'], scopes: ['chat'] })
})

test('a revoked or rotated key is refused by other replicas at once [I-045]', async () => {
  const before = await listening()
  const other = await service.replica()
  // Its connection to Redis is made beside its start.
  await until(async () => (await listening()) > before)
  const [one, two] = [await service.keyOf('vic'), await service.keyOf('vic')]
  const headers = await service.as('vic')
  expect([await other.knock(one.key), await other.knock(two.key)]).toEqual([200, 200])
  await service.call(`/auth/api-keys/${one.id}`, { method: 'DELETE', headers })
  const rotated = await service.call(`/auth/api-keys/${two.id}/rotate`, { method: 'POST', headers })
  // Far less than the 30 s after which it would be asked again.
  await until(async () => (await other.knock(one.key)) === 401 && (await other.knock(two.key)) === 401, 5_000)
  expect(await other.knock(rotated.body.key)).toBe(200)
})

test('when a key was last used is known soon, and not written at every request [I-046]', async () => {
  const { id, key } = await service.keyOf('wes')
  expect((await stored(id)).last_used_at).toBeNull()
  const since = Date.now()
  for (let times = 0; times < 20; times += 1) await service.knock(key)
  const used = await until(async () => (await stored(id)).last_used_at as Date | null)
  expect(used.getTime()).toBeGreaterThanOrEqual(since)
  const version = async () =>
    (await service.database.query('SELECT xmin::text FROM api_key WHERE id = $1', [id]))[0]!.xmin
  const before = await version()
  for (let times = 0; times < 20; times += 1) await service.knock(key)
  expect(await version()).toBe(before)
  const [listed] = (await service.call('/auth/api-keys', { headers: await service.as('wes') })).body.items
  expect(listed.last_used_at).toBe(used.toISOString())
})

test('the public check tells nothing personal, and is limited for each address [I-047]', async () => {
  const { key } = await service.keyOf('xia')
  const check = (json: unknown, from: string) =>
    service.call('/auth/validate-api-key', { headers: { 'x-forwarded-for': from }, json })
  expect(await check({ api_key: key }, '203.0.113.1')).toMatchObject({
    status: 200,
    body: { user_id: 'xia', subject: 'xia', username: '', email: '', first_name: '', last_name: '', roles: null },
  })
  for (const api_key of [`sk_live_${'1'.repeat(48)}`, 'nonsense', key.toUpperCase()])
    expect(await check({ api_key }, '203.0.113.1')).toMatchObject({ status: 401, body: { message: 'invalid api key' } })
  const limited = await check({ api_key: key }, '203.0.113.1')
  expect([limited.status, Number(limited.headers.get('retry-after'))]).toEqual([429, expect.any(Number)])
  expect((await check({ api_key: key }, '198.51.100.7, 203.0.113.1')).status).toBe(429)
  expect((await check({ api_key: key }, '203.0.113.2')).status).toBe(200)
  for (const json of [{}, { api_key: '' }, { api_key: 7 }]) expect((await check(json, '203.0.113.3')).status).toBe(400)
})
