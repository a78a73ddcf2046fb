import { type Served, serve } from '@jan/testkit/serve'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { z } from 'zod'
import type { Authenticate, Caller } from '../src/auth.ts'
import { createHttpApp } from '../src/http-app.ts'
import { createInternalTokens, parseInternalKeys } from '../src/internal-token.ts'
import { silentLogger as log } from '../src/logger.ts'
import { createMetrics } from '../src/metrics.ts'
import { createRateLimiter } from '../src/rate-limit.ts'
import { route } from '../src/route.ts'

const person = (subject: string, more: Partial<Caller> = {}) =>
  ({ kind: 'user', subject, workspaceId: subject, roles: [], ...more }) as Caller
const keyOf = (subject: string, keyId: string) => person(subject, { kind: 'key', keyId })

const callers: Record<string, Caller> = {
  ada: person('ada'),
  bob: person('bob'),
  'key-1': keyOf('ada', 'key-1'),
  'key-2': keyOf('ada', 'key-2'),
  'other-api': { kind: 'service', service: 'other-api' },
}
const keys = parseInternalKeys(`k:${Buffer.alloc(32, 1).toString('base64url')}`)
const tokens = createInternalTokens('notes-api', keys)
const authenticate: Authenticate = async ({ authorization = '' }) =>
  callers[authorization] ?? tokens.verify(authorization)

let app: Served
let at = 0
const get = (authorization: string, path = '/v1/notes') => fetch(`${app.url}${path}`, { headers: { authorization } })
const statuses = async (authorization: string, times: number) => {
  const answers: number[] = []
  while (answers.length < times) answers.push((await get(authorization)).status)
  return answers
}

beforeEach(async () => {
  const about = { method: 'get', summary: '', answers: { 200: z.object({}) }, handler: () => ({}) } as const
  const routes = [
    route({ ...about, operation: 'list_notes', path: '/v1/notes', auth: 'any' }),
    route({ ...about, operation: 'get_motto', path: '/v1/motto', auth: 'none' }),
  ]
  const limiter = createRateLimiter({ name: 'notes', points: 2, seconds: 60, redis: undefined, log, now: () => at })
  const metrics = createMetrics('notes-api')
  const options = { service: 'notes-api', version: '1', log, metrics, routes, dependencies: [], bodyLimit: 1_000 }
  app = await serve(createHttpApp({ ...options, authenticate, limiter }).handler)
})
afterEach(() => app.close())

test('over the limit is 429 in the envelope of the route, with when to come back [T-04]', async () => {
  const first = await get('ada')
  expect([first.status, limitsOf(first)]).toEqual([200, ['2', '1', '1m0s']])
  at += 12_340
  expect(limitsOf(await get('ada'))).toEqual(['2', '0', '47.7s'])
  at += 500
  const refused = await get('ada')
  expect([refused.status, limitsOf(refused), refused.headers.get('retry-after')]).toEqual([
    429,
    ['2', '0', '47.2s'],
    '48',
  ])
  expect(await refused.json()).toMatchObject({
    error: {
      type: 'rate_limit_error',
      code: 'rate_limit_exceeded',
      message: expect.stringMatching(/limit of 2.* 48 s/),
    },
  })
  at += 48_000
  expect((await get('ada')).status).toBe(200)
})

const limitsOf = ({ headers }: Response) =>
  ['limit', 'remaining', 'reset'].map((name) => headers.get(`x-ratelimit-${name}-requests`))

test('people are counted apart, and so is each key of a person', async () => {
  expect(await statuses('ada', 3)).toEqual([200, 200, 429])
  expect(await statuses('bob', 3)).toEqual([200, 200, 429])
  expect(await statuses('key-1', 3)).toEqual([200, 200, 429])
  expect(await statuses('key-2', 1)).toEqual([200])
})

test('a service is not limited, neither for itself nor for a person', async () => {
  expect(await statuses('ada', 3)).toEqual([200, 200, 429])
  const other = createInternalTokens('other-api', keys)
  const forAda = () => other.mint('notes-api', callers.ada!)
  for (let calls = 0; calls < 5; calls += 1) expect((await get(await forAda())).status).toBe(200)
  expect(await statuses('other-api', 5)).toEqual(Array(5).fill(200))
  expect(limitsOf(await get(await forAda()))).toEqual([null, null, null])
})

test('a route that asks for nobody limits nobody', async () => {
  for (let index = 0; index < 5; index++) expect((await get('ada', '/v1/motto')).status).toBe(200)
})
