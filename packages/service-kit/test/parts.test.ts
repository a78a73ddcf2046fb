import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { serve } from '@jan/testkit/serve'
import { afterAll, expect, test } from '@jest/globals'
import { z } from 'zod'
import type { Person } from '../src/auth.ts'
import { presentOpenAiError, toAppError } from '../src/errors.ts'
import { createHttpApp } from '../src/http-app.ts'
import { connectPeer } from '../src/http-client.ts'
import { idsFrom, newId, requestIdFrom } from '../src/ids.ts'
import { createInternalTokens } from '../src/internal-token.ts'
import { Closers, createServerFor, drain, listen } from '../src/lifecycle.ts'
import { everyoneIsLocal } from '../src/local-caller.ts'
import { silentLogger } from '../src/logger.ts'
import { createMetrics } from '../src/metrics.ts'
import { PageQuery, presentPage } from '../src/page.ts'
import { isDatabaseDown, uniqueViolation } from '../src/postgres-errors.ts'
import { route } from '../src/route.ts'

const tokens = createInternalTokens('a', [{ kid: 'k', secret: Buffer.alloc(32) }])
const caller: Person = { kind: 'user', subject: 'ada', workspaceId: 'ada', roles: [] }
const closing: (() => Promise<unknown>)[] = []
afterAll(() => Promise.all(closing.map((close) => close())))

async function peerAt(url: string, timeoutMs = 2000) {
  const peer = connectPeer({ service: 'b', baseUrl: url, tokens, timeoutMs })
  closing.push(() => peer.close())
  return peer
}
const request = (path: string, more: object = {}) => ({
  method: 'POST' as const,
  path,
  caller,
  requestId: 'r1',
  signal: new AbortController().signal,
  ...more,
})

test('a peer is called with a token for it, the request id and JSON [H-53]', async () => {
  await using other = await serve(async (incoming, response) => {
    const actor = await createInternalTokens('b', [{ kid: 'k', secret: Buffer.alloc(32) }]).verify(
      incoming.headers.authorization!.slice(7),
    )
    let body = ''
    for await (const chunk of incoming) body += chunk
    response.end(JSON.stringify({ actor, id: incoming.headers['x-request-id'], body: JSON.parse(body) }))
  })
  expect(await (await peerAt(other.url)).json(request('/x', { json: { n: 1 } }))).toEqual({
    actor: { ...caller, via: 'a' },
    id: 'r1',
    body: { n: 1 },
  })
})

test('what a peer refuses keeps its words, what it breaks does not', async () => {
  await using other = await serve((incoming, response) => {
    const status = Number(incoming.url!.slice(1))
    response.writeHead(status, { 'retry-after': '7' }).end(JSON.stringify({ message: `no ${status}`, secret: 'x' }))
  })
  const peer = await peerAt(other.url)
  await expect(peer.json(request('/404'))).rejects.toMatchObject({ code: 'not_found', message: 'no 404' })
  await expect(peer.json(request('/429'))).rejects.toMatchObject({
    code: 'rate_limited',
    extra: { headers: { 'retry-after': '7' } },
  })
  await expect(peer.json(request('/500'))).rejects.toMatchObject({ code: 'upstream_failed', message: 'b failed' })
})

test('a peer that is away is 503, one that hangs 504, and a caller that leaves ends the call [H-49]', async () => {
  await using hanging = await serve(() => undefined)
  const gone = await peerAt('http://127.0.0.1:1')
  await expect(gone.json(request('/', { method: 'GET' }))).rejects.toMatchObject({ code: 'unavailable' })
  await expect((await peerAt(hanging.url, 50)).json(request('/'))).rejects.toMatchObject({ code: 'upstream_timeout' })
  const leave = new AbortController()
  const call = (await peerAt(hanging.url)).json(request('/', { signal: leave.signal }))
  leave.abort(new Error('left'))
  await expect(call).rejects.toThrow('left')
})

test('a peer that breaks off or falls silent in the middle is its failure, told in our words', async () => {
  await using other = await serve((incoming, response) => {
    response.writeHead(200).write('{"half":')
    if (incoming.url === '/break') setTimeout(() => response.destroy(), 20)
  })
  const peer = await peerAt(other.url, 300)
  await expect(peer.json(request('/break'))).rejects.toMatchObject({
    code: 'upstream_failed',
    message: 'b broke off in the middle of its answer',
  })
  await expect(peer.json(request('/silent'))).rejects.toMatchObject({ code: 'upstream_timeout' })
})

test('many calls that hang do not hold up others, and a check of a silent peer ends', async () => {
  await using other = await serve((incoming, response) => void (incoming.url === '/quick' && response.end('{}')))
  // Far beyond the test's own time: only a queue could make the quick one wait.
  const peer = await peerAt(other.url, 60_000)
  const leave = new AbortController()
  const hanging = Array.from({ length: 300 }, () =>
    peer.json(request('/hang', { signal: leave.signal })).catch(() => 'ended'),
  )
  expect(await peer.json(request('/quick'))).toEqual({})
  leave.abort(new Error('left'))
  expect(new Set(await Promise.all(hanging))).toEqual(new Set(['ended']))
  await expect(peer.check()).rejects.toThrow()
})

test('only what is safe to repeat is sent again [H-49]', async () => {
  let sent = 0
  await using other = await serve((incoming) => {
    sent += 1
    incoming.socket.destroy()
  })
  const peer = await peerAt(other.url)
  await expect(peer.json(request('/'))).rejects.toMatchObject({ code: 'unavailable' })
  expect(sent).toBe(1)
  await expect(peer.json(request('/', { method: 'GET' }))).rejects.toMatchObject({ code: 'unavailable' })
  expect(sent).toBe(3)
})

test('what was opened is closed in reverse, and a failure does not stop the rest [H-48]', async () => {
  const closed: string[] = []
  const closers = new Closers()
  closers.add('first', 1, () => closed.push('first'))
  closers.add('bad', 2, () => {
    throw new Error('no')
  })
  closers.add('last', 3, async () => closed.push('last'))
  closers.add('stalled', 4, () => new Promise(() => undefined))
  expect(await closers.close(silentLogger, 50)).toBe(false)
  expect(closed).toEqual(['last', 'first'])
  expect(await closers.close(silentLogger)).toBe(true)
})

test('a process ends though something that was opened cannot be closed [H-48]', async () => {
  const child = spawn(process.execPath, [new URL('./stalled-process.fixture.ts', import.meta.url).pathname], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.once('data', () => child.kill('SIGTERM'))
  for await (const chunk of child.stdout) said += chunk
  expect(child.exitCode ?? (await once(child, 'exit'))[0]).toBe(1)
  expect(said).toContain('not closed within 100 ms')
})

function createTestServer(handler: () => Promise<unknown>) {
  const routes = [
    route({
      operation: 'get_it',
      method: 'get',
      path: '/',
      summary: 'Get',
      auth: 'none',
      answers: { 200: z.unknown() },
      handler,
    }),
  ]
  const log = silentLogger
  return createServerFor(
    createHttpApp({
      service: 'a',
      version: '1',
      log,
      metrics: createMetrics('a'),
      authenticate: everyoneIsLocal,
      routes,
      dependencies: [],
      bodyLimit: 1,
    }),
  )
}

test('draining lets a request finish, cuts one that does not, and waits for no connection that asks nothing [H-48 P-059]', async () => {
  const answers = [() => new Promise((done) => setTimeout(() => done('done'), 150)), () => new Promise(() => undefined)]
  const server = createTestServer(() => answers.shift()!())
  const port = await listen(server, { host: '127.0.0.1', port: 0 })
  const ask = () =>
    fetch(`http://127.0.0.1:${port}`).then(
      (response) => response.json(),
      () => 'cut',
    )
  const asked = [once(server, 'request').then(() => once(server, 'request')), ask(), ask()] as const
  await asked[0]
  await drain(server, 400)
  expect(await Promise.all([asked[1], asked[2]])).toEqual(['done', 'cut'])
})

test('a connection that never asked anything does not hold up a stop', async () => {
  const server = createTestServer(async () => 'done')
  const port = await listen(server, { host: '127.0.0.1', port: 0 })
  const silent = connect(port, '127.0.0.1')
  await once(server, 'connection')
  await Promise.all([drain(server, 3_600_000), once(silent, 'close')])
})

test('ids are of one shape and do not repeat', () => {
  const ids = new Set(Array.from({ length: 2000 }, () => newId('resp')))
  expect([ids.size, [...ids].every((id) => /^resp_[0-9a-z]{24}$/.test(id))]).toEqual([2000, true])
  expect(requestIdFrom('a b')).not.toBe('a b')
})

test('ids from a seed come again in their order, each prefix by itself', () => {
  const [one, again, other] = [idsFrom('seed'), idsFrom('seed'), idsFrom('another')]
  const ids = [one('resp'), one('resp'), one('msg', 100)]
  expect([again('msg', 100), again('resp'), again('resp')]).toEqual([ids[2], ids[0], ids[1]])
  expect(other('resp')).not.toBe(ids[0])
  expect(ids).toEqual(
    [/^resp_[0-9a-z]{24}$/, /^resp_[0-9a-z]{24}$/, /^msg_[0-9a-z]{100}$/].map((shape) => expect.stringMatching(shape)),
  )
  expect(ids[0]).not.toBe(ids[1])
})

test('pages are OpenAI lists [H-50]', () => {
  const rows = ['a', 'b', 'c'].map((id) => ({ id }))
  expect(presentPage(rows, 2)).toEqual({
    object: 'list',
    data: [{ id: 'a' }, { id: 'b' }],
    first_id: 'a',
    last_id: 'b',
    has_more: true,
  })
  expect(presentPage([], 2)).toMatchObject({ first_id: null, last_id: null, has_more: false })
  expect(PageQuery.safeParse({ limit: '101' }).success).toBe(false)
})

test('a lost database is recognised by shape, a bad query is not', () => {
  const shapes = [
    { code: 'ECONNREFUSED' },
    { code: '57P01' },
    { cause: { kind: 'DatabaseNotReachable' } },
    { errors: [{ code: 'ECONNREFUSED' }] },
    { meta: { driverAdapterError: { cause: { originalCode: '08006' } } } },
    { message: 'Connection terminated unexpectedly' },
  ]
  expect(shapes.map((shape) => isDatabaseDown(shape))).toEqual(shapes.map(() => true))
  expect([{ code: '42P01' }, { message: 'syntax error' }, null, 'x'].map((shape) => isDatabaseDown(shape))).toEqual([
    false,
    false,
    false,
    false,
  ])
  expect([uniqueViolation({ code: '23505', constraint: 'c' }), uniqueViolation({ code: '42P01' })]).toEqual([
    'c',
    undefined,
  ])
})

test('an unknown error is internal and says so in fixed words [H-55]', () => {
  expect(presentOpenAiError(toAppError(new TypeError('x of undefined')), 'r')).toEqual({
    error: { message: 'Internal server error', type: 'server_error', code: 'internal', param: null },
    message: 'Internal server error',
    request_id: 'r',
  })
})

test('telemetry loads only with an endpoint, and OTEL_ENABLED=false wins over one [P-053]', async () => {
  const telemetry = new URL('../src/telemetry.ts', import.meta.url).href
  const isOn = async (variables: Record<string, string>) => {
    const print = 'console.log(String(globalThis[Symbol.for("opentelemetry.js.api.1")]?.trace !== undefined))'
    const child = spawn(process.execPath, ['--import', telemetry, '--input-type=module', '-e', print], {
      env: variables,
    })
    const [out] = await Promise.all([child.stdout.toArray(), once(child, 'exit')])
    return Buffer.concat(out).toString().trim()
  }
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }
  expect(await Promise.all([isOn({}), isOn(endpoint), isOn({ ...endpoint, OTEL_ENABLED: 'false' })])).toEqual([
    'false',
    'true',
    'false',
  ])
})
