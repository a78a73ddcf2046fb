import { startTestRedis } from '@jan/testkit/redis'
import { serve } from '@jan/testkit/serve'
import { startTcpProxy } from '@jan/testkit/tcp-proxy'
import { createTokenIssuer, TEST_ISSUER, type TokenIssuer } from '@jan/testkit/tokens'
import { until } from '@jan/testkit/until'
import { beforeAll, expect, test } from '@jest/globals'
import { acceptKeys } from '../src/accept-keys.ts'
import { createApiKeys, hashOfKey, type KeyHolder } from '../src/api-keys.ts'
import { type Authenticate, bearerAuth, type Person, type RequestHeaders } from '../src/auth.ts'
import { connectIdentity } from '../src/authenticate.ts'
import { Secret } from '../src/config.ts'
import { AppError } from '../src/errors.ts'
import { createInternalTokens } from '../src/internal-token.ts'
import { presentHolder } from '../src/key-introspection.ts'
import { hearOfKeys, tellOfKey } from '../src/key-news.ts'
import { Closers } from '../src/lifecycle.ts'
import { silentLogger as log } from '../src/logger.ts'
import { connectRedis } from '../src/redis.ts'

const keyOf = (digit: string, prefix = 'sk_live') => `${prefix}_${digit.repeat(48)}`
const KEY = keyOf('a')
const HOUR = 3_600_000

const holderOf = (subject: string, expiresAt = new Date(Date.now() + HOUR)): KeyHolder => ({
  expiresAt,
  person: { kind: 'key', subject, workspaceId: subject, roles: ['user'], scopes: ['media'], keyId: `id-of-${subject}` },
})

/** Who keeps the keys, with a clock of the test's own; `answer` is what it says of any key it knows. */
function keeper() {
  const known = new Map<string, KeyHolder>()
  const asked: string[] = []
  const state = { now: Date.now(), isAway: false, wait: undefined as Promise<void> | undefined }
  const apiKeys = createApiKeys({
    now: () => state.now,
    introspect: async (hash) => {
      asked.push(hash)
      const holder = known.get(hash)
      await state.wait
      if (state.isAway) throw new Error('connect ECONNREFUSED')
      return holder
    },
  })
  return Object.assign(state, { known, asked, apiKeys })
}

let issuer: TokenIssuer
let bearer: Authenticate
beforeAll(async () => {
  issuer = await createTokenIssuer()
  bearer = bearerAuth({ issuer: TEST_ISSUER, audience: ['jan'], jwksUrl: 'http://unused.test', keys: issuer.keys })
})

const outcome = async (authenticate: Authenticate, headers: RequestHeaders) => {
  try {
    const caller = await authenticate(headers)
    return caller && caller.kind !== 'service' ? caller.subject : caller
  } catch (error) {
    return error instanceof AppError ? error.status : error
  }
}

test('a key is taken in Authorization and in X-API-Key, and proves its person [I-042 H-37 I-092]', async () => {
  const { known, apiKeys } = keeper()
  const authenticate = acceptKeys(bearer, apiKeys)
  for (const key of [KEY, keyOf('b', 'sk'), keyOf('c', 'sk_team_two')]) {
    const holder = holderOf('ann')
    known.set(hashOfKey(key), holder)
    expect(await authenticate({ authorization: `Bearer ${key}` })).toEqual(holder.person)
    expect(await authenticate({ 'x-api-key': key })).toEqual(holder.person)
    expect(await authenticate({ apikey: key })).toEqual(holder.person)
    expect(await authenticate({ authorization: `bearer ${key}`, 'x-api-key': key })).toEqual(holder.person)
  }
})

test('what does not look like a key is refused without asking; an X-API-Key of others is nobody’s [I-042]', async () => {
  const { asked, apiKeys } = keeper()
  const authenticate = acceptKeys(bearer, apiKeys)
  for (const key of [
    'sk_',
    'sk_live_short',
    `${KEY}0`,
    `${KEY}, ${KEY}`,
    `sk_${'A'.repeat(48)}`,
    `sk_${'x'.repeat(9999)}`,
  ])
    expect([key, await outcome(authenticate, { 'x-api-key': key })]).toEqual([key, 401])
  expect(await outcome(authenticate, { authorization: 'Bearer sk_nonsense' })).toBe(401)
  expect(await outcome(authenticate, { 'x-api-key': 'of-another-system' })).toBeUndefined()
  expect(asked).toEqual([])
})

test('two credentials must be of one person; then the token counts [I-043]', async () => {
  const { known, apiKeys } = keeper()
  const authenticate = acceptKeys(bearer, apiKeys)
  known.set(hashOfKey(KEY), holderOf('ann'))
  known.set(hashOfKey(keyOf('b')), holderOf('bob'))
  const ann = await issuer.bearer('ann')
  expect(await authenticate({ ...ann, 'x-api-key': KEY })).toMatchObject({ kind: 'user', subject: 'ann' })
  expect(await authenticate({ ...ann, 'x-api-key': KEY })).not.toHaveProperty('scopes')
  expect(await outcome(authenticate, { ...ann, 'x-api-key': keyOf('b') })).toBe(401)
  expect(await outcome(authenticate, { authorization: `Bearer ${KEY}`, 'x-api-key': keyOf('b') })).toBe(401)
  expect(await outcome(authenticate, { ...ann, 'x-api-key': keyOf('c') })).toBe(401)
  expect(await outcome(authenticate, { authorization: 'Bearer garbage', 'x-api-key': KEY })).toBe(401)
  expect(await outcome(authenticate, { authorization: 'Basic x', 'x-api-key': KEY })).toBe('ann')
})

test('a key and a token of one person have the same owner [I-043]', async () => {
  const { known, apiKeys } = keeper()
  known.set(hashOfKey(KEY), holderOf('ann'))
  const authenticate = acceptKeys(bearer, apiKeys)
  const [byToken, byKey] = [await authenticate(await issuer.bearer('ann')), await authenticate({ 'x-api-key': KEY })]
  const { subject, workspaceId } = byToken as Person
  expect(byKey).toMatchObject({ subject, workspaceId })
})

test('a known key is answered at once, for 30 s and no longer than it lives [I-045]', async () => {
  const world = keeper()
  const { known, asked, apiKeys } = world
  known.set(hashOfKey(KEY), holderOf('ann', new Date(world.now + HOUR)))
  const short = keyOf('b')
  known.set(hashOfKey(short), holderOf('bob', new Date(world.now + 10_000)))
  const authenticate = acceptKeys(bearer, apiKeys)
  await authenticate({ 'x-api-key': KEY })
  await authenticate({ 'x-api-key': short })
  expect(authenticate({ 'x-api-key': KEY })).toMatchObject({ subject: 'ann' })
  expect(authenticate({ authorization: `Bearer ${KEY}` })).toMatchObject({ subject: 'ann' })
  expect(asked).toHaveLength(2)
  known.clear()
  world.now += 10_000
  expect(await outcome(authenticate, { 'x-api-key': short })).toBe(401)
  world.now += 19_999
  expect(await outcome(authenticate, { 'x-api-key': KEY })).toBe('ann')
  world.now += 1
  expect(await outcome(authenticate, { 'x-api-key': KEY })).toBe(401)
})

test('a bad key is remembered for seconds, and asked for by many at once it is asked for once', async () => {
  const world = keeper()
  const ask = () => world.apiKeys.holderOf(KEY)
  expect(await Promise.all(Array.from({ length: 20 }, ask))).toEqual(Array(20).fill(undefined))
  expect(ask()).toBeUndefined()
  expect(world.asked).toEqual([hashOfKey(KEY)])
  world.known.set(hashOfKey(KEY), holderOf('ann'))
  world.now += 5_000
  expect(await ask()).toMatchObject({ subject: 'ann' })
})

test('while the keeper is away known keys go on for their 30 s, all others are 503 and never 401 [I-049]', async () => {
  const world = keeper()
  const authenticate = acceptKeys(bearer, world.apiKeys)
  world.known.set(hashOfKey(KEY), holderOf('ann'))
  await authenticate({ 'x-api-key': KEY })
  world.isAway = true
  expect(await outcome(authenticate, { 'x-api-key': KEY })).toBe('ann')
  expect(await outcome(authenticate, { 'x-api-key': keyOf('b') })).toBe(503)
  world.now += 30_000
  expect(await outcome(authenticate, { 'x-api-key': KEY })).toBe(503)
  world.isAway = false
  expect(await outcome(authenticate, { 'x-api-key': KEY })).toBe('ann')
})

test('a key that is revoked while it is asked for is not remembered as good [I-045]', async () => {
  const world = keeper()
  const turn = Promise.withResolvers<void>()
  world.known.set(hashOfKey(KEY), holderOf('ann'))
  world.wait = turn.promise
  const early = world.apiKeys.holderOf(KEY)
  world.known.clear()
  world.apiKeys.forget(hashOfKey(KEY))
  world.wait = undefined
  const late = world.apiKeys.holderOf(KEY)
  turn.resolve()
  await early
  expect(await late).toBeUndefined()
  expect(await world.apiKeys.holderOf(KEY)).toBeUndefined()
})

test('another service is asked with a token for services, and hears by Redis what has changed [I-042 I-045]', async () => {
  const secret = Buffer.alloc(32, 1)
  const internalKeys = [{ kid: 'a', secret }]
  const keeperTokens = createInternalTokens('keeper', internalKeys)
  let holder: KeyHolder | undefined = holderOf('ann')
  const questions: unknown[] = []
  await using site = await serve(async (request, response) => {
    const caller = await keeperTokens.verify(request.headers.authorization!.slice(7))
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    questions.push([request.url, caller, JSON.parse(Buffer.concat(chunks).toString())])
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(presentHolder(holder)))
  })
  const redis = await startTestRedis()
  const closers = new Closers()
  const { authenticate, apiKeys } = connectIdentity(
    'media-api',
    { enabled: true, issuer: TEST_ISSUER, audience: ['jan'], jwksUrl: 'http://unused.test', clients: [], internalKeys },
    { keys: { service: 'keeper', baseUrl: site.url }, redisUrl: new Secret(redis.url), log, closers },
  )
  expect(await authenticate({ 'x-api-key': KEY })).toEqual(holder.person)
  expect(questions).toEqual([
    ['/internal/api-keys/introspect', { kind: 'service', service: 'media-api' }, { hash: hashOfKey(KEY) }],
  ])
  holder = undefined
  expect(apiKeys.holderOf(KEY)).toMatchObject({ subject: 'ann' })
  const told = connectRedis(redis.url, log, closers)
  await until(async () => {
    await tellOfKey(told, log, hashOfKey(KEY))
    return (await outcome(authenticate, { 'x-api-key': KEY })) === 401
  })
  await site.close()
  expect(await outcome(authenticate, { 'x-api-key': keyOf('b') })).toBe(503)
  await closers.close(log)
  await redis.close()
})

test('after Redis was away changed keys are heard of again; to tell of one without it harms nobody [I-045]', async () => {
  const redis = await startTestRedis()
  const closers = new Closers()
  {
    await using proxy = await startTcpProxy(redis.port)
    const heard: string[] = []
    const ears = connectRedis(`redis://127.0.0.1:${proxy.port}`, log, closers)
    const mouth = connectRedis(`redis://127.0.0.1:${proxy.port}`, log, closers)
    hearOfKeys(ears, log, (hash) => heard.push(hash))
    const untilHeard = (hash: string) =>
      until(async () => {
        await tellOfKey(mouth, log, hash)
        return heard.includes(hash)
      })
    await untilHeard('one')
    proxy.cut()
    await until(() => ears.status !== 'ready' && mouth.status !== 'ready')
    await tellOfKey(mouth, log, 'lost')
    await tellOfKey(undefined, log, 'lost')
    proxy.restore()
    await untilHeard('two')
    expect(heard).not.toContain('lost')
    await closers.close(log)
  }
  await redis.close()
})
