import { once } from 'node:events'
import { connect } from 'node:net'
import { createTokenIssuer, type TokenIssuer } from '@jan/testkit/tokens'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { z } from 'zod'
import { bytes, empty, json, redirect, relay, sse } from '../src/answer.ts'
import { bearerAuth } from '../src/auth.ts'
import { AppError, notFound, presentFlatError } from '../src/errors.ts'
import { createHttpApp } from '../src/http-app.ts'
import { createServerFor, listen } from '../src/lifecycle.ts'
import { silentLogger } from '../src/logger.ts'
import { createMetrics } from '../src/metrics.ts'
import { presentErrorsAs, rawBody, route, streamOf } from '../src/route.ts'

let url: string
let port: number
let issuer: TokenIssuer
let server: ReturnType<typeof createServerFor>
let app: ReturnType<typeof createHttpApp>
let databaseIsUp = true
let redis: () => Promise<void> = () => new Promise(() => undefined)
const left = { stream: 0, signal: 0 }

// biome-ignore lint/suspicious/noExplicitAny: answers are judged by their shape
type Json = any

const Note = z.object({ id: z.string(), text: z.string() }).meta({ id: 'Note' })
async function* ticks(count: number, failAt = -1) {
  for (let index = 0; index < count; index++) {
    if (index === failAt) throw notFound('tick', String(index))
    yield { event: 'tick', data: { index } }
  }
  yield { data: '[DONE]' }
}
async function* much() {
  for (let index = 0; index < 400; index++) yield { data: 'x'.repeat(64 * 1024) }
}
async function* endless() {
  try {
    for (;;) {
      yield { data: 'x'.repeat(1024) }
      await new Promise((done) => setTimeout(done, 1))
    }
  } finally {
    left.stream += 1
  }
}
async function* broken() {
  yield Buffer.from('data: {"a":1}\n\n')
  throw new AppError('upstream_failed', 'The model broke off')
}
async function* half() {
  yield Buffer.from('half')
  throw new Error('disk gone at 10.0.0.7')
}
const stream = streamOf('text/event-stream', 'ticks')
const anything = z.record(z.string(), z.unknown())

const routes = [
  route({
    operation: 'create_note',
    method: 'post',
    path: '/v1/notes',
    summary: 'Create',
    auth: 'person',
    body: z.object({ text: z.string().min(1), deep: z.object({ n: z.int() }).optional() }),
    answers: { 201: Note },
    handler: ({ body, who }) =>
      json({ id: who.caller.subject, text: body.text }, { status: 201, headers: { 'x-kind': who.caller.kind } }),
  }),
  route({
    operation: 'get_note',
    method: 'get',
    path: '/v1/notes/{id+}',
    summary: 'Get',
    auth: 'none',
    params: z.object({ id: z.string() }),
    query: z.object({ limit: z.coerce.number().int().default(5) }),
    answers: { 200: anything },
    handler: ({ params, query }) => ({ id: params.id, limit: query.limit }),
  }),
  route({
    operation: 'stream_ticks',
    method: 'get',
    path: '/ticks',
    summary: 'Ticks',
    auth: 'none',
    query: z.object({ n: z.coerce.number(), fail_at: z.coerce.number().default(-1) }),
    answers: { 200: stream },
    handler: ({ query }) => sse(ticks(query.n, query.fail_at)),
  }),
  route({
    operation: 'stream_endless',
    method: 'get',
    path: '/endless',
    summary: 'Endless',
    auth: 'none',
    answers: { 200: stream },
    handler: ({ who }) => {
      who.signal.addEventListener('abort', () => {
        left.signal += 1
      })
      return sse(endless())
    },
  }),
  route({
    operation: 'relay_broken',
    method: 'get',
    path: '/broken',
    summary: 'Broken',
    auth: 'none',
    answers: { 200: stream },
    handler: () => relay(broken(), { status: 200, headers: { 'content-type': 'text/event-stream' } }),
  }),
  route({
    operation: 'get_half',
    method: 'get',
    path: '/half',
    summary: 'Half',
    auth: 'none',
    answers: { 200: streamOf('text/plain', 'half') },
    handler: () => bytes(half(), { type: 'text/plain', length: 100, etag: '"e"' }),
  }),
  route({
    operation: 'echo_raw',
    method: 'post',
    path: '/raw',
    summary: 'Raw',
    auth: 'none',
    body: rawBody(10),
    answers: { 200: anything },
    handler: ({ body }) => ({ length: body.length }),
  }),
  route({
    operation: 'go_away',
    method: 'get',
    path: '/away',
    summary: 'Away',
    auth: 'none',
    answers: { 302: null },
    handler: () => redirect('/elsewhere'),
  }),
  route({
    operation: 'drop',
    method: 'delete',
    path: '/drop',
    summary: 'Drop',
    auth: 'none',
    answers: { 204: null },
    handler: () => empty(),
  }),
  route({
    operation: 'fail',
    method: 'get',
    path: '/fail',
    summary: 'Fail',
    auth: 'none',
    answers: { 200: anything },
    handler: () => {
      throw new Error('SELECT secret FROM table at 10.0.0.7')
    },
  }),
  route({
    operation: 'fail_database',
    method: 'get',
    path: '/no-database',
    summary: 'Fail',
    auth: 'none',
    answers: { 200: anything },
    handler: () => {
      throw Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' })
    },
  }),
  route({
    operation: 'stream_slow',
    method: 'get',
    path: '/slow',
    summary: 'Slow',
    auth: 'none',
    answers: { 200: stream },
    handler: () => sse(much()),
  }),
  route({
    operation: 'take_maybe',
    method: 'post',
    path: '/maybe',
    summary: 'Maybe',
    auth: 'none',
    body: anything.optional(),
    answers: { 200: anything },
    handler: ({ body }) => ({ got: body ?? null }),
  }),
  ...presentErrorsAs(presentFlatError, [
    route({
      operation: 'fail_flat',
      method: 'get',
      path: '/flat',
      summary: 'Flat',
      auth: 'person',
      answers: { 200: anything },
      handler: () => ({}),
    }),
    route({
      operation: 'fail_flat_there',
      method: 'get',
      path: '/v1/notes/flat/{id}',
      summary: 'Flat',
      auth: 'person',
      params: z.object({ id: z.string() }),
      answers: { 200: anything },
      handler: () => ({}),
    }),
  ]),
]

beforeAll(async () => {
  issuer = await createTokenIssuer()
  const authenticate = bearerAuth({
    issuer: issuer.issuer,
    audience: ['jan'],
    jwksUrl: 'http://127.0.0.1:1/',
    keys: issuer.keys,
  })
  const dependencies = [
    {
      name: 'postgres',
      required: true,
      check: async () => {
        if (!databaseIsUp) throw new Error('down')
      },
    },
    { name: 'redis', required: false, check: () => redis() },
  ]
  app = createHttpApp({
    service: 'notes',
    version: '1.2.3',
    log: silentLogger,
    metrics: createMetrics('notes'),
    authenticate,
    routes,
    dependencies,
    bodyLimit: 1000,
  })
  server = createServerFor(app)
  port = await listen(server, { host: '127.0.0.1', port: 0 })
  url = `http://127.0.0.1:${port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const post = (path: string, body: string, headers: Record<string, string> = {}) =>
  fetch(`${url}${path}`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } })
const read = async (response: Response) => ({ status: response.status, body: (await response.json()) as Json })

test('a handler gets parsed input and its caller, and its value becomes JSON [H-36]', async () => {
  const response = await post('/v1/notes', '{"text":"hi"}', await issuer.bearer('ada'))
  expect([response.status, response.headers.get('x-kind'), await response.json()]).toEqual([
    201,
    'user',
    { id: 'ada', text: 'hi' },
  ])
  expect(await (await fetch(`${url}/v1/notes/a/b%2Fc?limit=7`)).json()).toEqual({ id: 'a/b/c', limit: 7 })
})

test('bad input is told apart, with the place where it is wrong [H-36 H-100 H-101]', async () => {
  const bearer = await issuer.bearer('ada')
  const error = async (body: string) => {
    const { status, body: answer } = await read(await post('/v1/notes', body, bearer))
    return { status, ...answer.error }
  }
  expect(await error('{"text":"a","deep":{"n":"x"}}')).toMatchObject({
    status: 400,
    type: 'invalid_request_error',
    param: 'deep.n',
  })
  expect(await error('{"text":"a",}')).toMatchObject({
    status: 400,
    code: 'invalid_json',
    message: expect.stringContaining('position 12 (line 1, column 13)'),
  })
  expect(await error('{"text":')).toMatchObject({
    status: 400,
    message: expect.stringContaining('position 8'),
  })
  expect(await error('\ufeff[')).toMatchObject({ status: 400 })
  expect(await error('')).toMatchObject({ status: 400 })
  expect(await error(JSON.stringify({ text: 'x'.repeat(1001) }))).toMatchObject({
    status: 413,
    code: 'payload_too_large',
  })
})

test('a body without a length is cut at the limit too [H-101]', async () => {
  const socket = connect(port, '127.0.0.1')
  socket.write('POST /raw HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n')
  socket.write('8\r\n12345678\r\n8\r\n12345678\r\n')
  const chunks = await socket.toArray()
  expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1.1 413 /)
  expect((await read(await post('/raw', '12345'))).body).toEqual({ length: 5 })
})

test('no token, and identity headers from the network, are 401 [H-98 H-99]', async () => {
  for (const headers of [{}, { 'x-user-id': 'ada' }, { 'x-auth-method': 'apikey', 'x-user-subject': 'ada' }]) {
    const response = await post('/v1/notes', '{"text":"hi"}', headers as Record<string, string>)
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="jan"')
    expect(await read(response)).toMatchObject({
      status: 401,
      body: {
        message: expect.any(String),
        error: { message: expect.any(String), code: 'unauthenticated' },
        request_id: expect.any(String),
      },
    })
  }
  expect((await read(await fetch(`${url}/flat`))).body).toMatchObject({
    error: 'You need to send a token',
    message: 'You need to send a token',
  })
})

test('a failure inside says nothing about the inside [H-55]', async () => {
  const { status, body } = await read(await fetch(`${url}/fail`))
  expect([status, body.error.message]).toEqual([500, 'Internal server error'])
  const down = await fetch(`${url}/no-database`)
  expect([down.status, down.headers.get('retry-after')]).toEqual([503, '2'])
  expect(await down.text()).not.toContain('5432')
})

test('unknown paths are 404, wrong methods 405, OPTIONS says what is allowed', async () => {
  expect((await fetch(`${url}/nope`)).status).toBe(404)
  const wrong = await fetch(`${url}/drop`)
  expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'DELETE'])
  expect((await fetch(`${url}/drop`, { method: 'OPTIONS' })).status).toBe(204)
  expect((await fetch(`${url}/drop`, { method: 'DELETE' })).status).toBe(204)
  expect((await fetch(`${url}/away`, { redirect: 'manual' })).headers.get('location')).toBe('/elsewhere')
})

test('until the first event an error is a status, afterwards an event [H-43]', async () => {
  expect(await (await fetch(`${url}/ticks?n=2`)).text()).toBe(
    'event: tick\ndata: {"index":0}\n\nevent: tick\ndata: {"index":1}\n\ndata: [DONE]\n\n',
  )
  expect((await fetch(`${url}/ticks?n=2&fail_at=0`)).status).toBe(404)
  const late = await (await fetch(`${url}/ticks?n=2&fail_at=1`)).text()
  expect(late).toMatch(
    /^event: tick\ndata: {"index":0}\n\nevent: error\ndata: {"error":{"message":"tick '1' was not found"/,
  )
  expect(late).not.toContain('[DONE]')
})

test('a relayed stream that breaks ends in an error event, other bytes in a cut connection', async () => {
  const text = await (await fetch(`${url}/broken`)).text()
  expect(text).toMatch(
    /^data: {"a":1}\n\nevent: error\ndata: {"error":{"message":"The model broke off","type":"upstream_error"/,
  )
  await expect(fetch(`${url}/half`).then((response) => response.text())).rejects.toThrow()
})

test('a client that leaves stops the producer [H-41]', async () => {
  const leave = new AbortController()
  const response = await fetch(`${url}/endless`, { signal: leave.signal })
  await response.body!.getReader().read()
  leave.abort()
  await until(() => left.stream === 1 && left.signal === 1)
  expect(left).toEqual({ stream: 1, signal: 1 })
})

test('request ids are taken when harmless, else made, and echoed [H-53]', async () => {
  const id = async (sent?: string) =>
    (
      await fetch(`${url}/healthz`.replace('healthz', 'v1/notes/x'), sent ? { headers: { 'x-request-id': sent } } : {})
    ).headers.get('x-request-id')
  expect(await id('abc-1')).toBe('abc-1')
  expect(await id('<script>')).toMatch(/^[0-9a-f-]{36}$/)
  expect(await id('x'.repeat(4000))).toMatch(/^[0-9a-f-]{36}$/)
  expect(await id()).toMatch(/^[0-9a-f-]{36}$/)
})

test('health, readiness, metrics, version and OpenAPI need no token [H-51 H-52]', async () => {
  expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: 'ok', service: 'notes' })
  expect(await read(await fetch(`${url}/readyz`))).toEqual({
    status: 200,
    body: { status: 'ready', degraded: ['redis'], service: 'notes' },
  })
  databaseIsUp = false
  redis = async () => undefined
  expect(await read(await fetch(`${url}/readyz`))).toMatchObject({ status: 503, body: { failing: ['postgres'] } })
  databaseIsUp = true
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
  expect(await (await fetch(`${url}/v1/version`)).json()).toMatchObject({ service: 'notes', version: '1.2.3' })
  expect(await (await fetch(`${url}/metrics`)).text()).toMatch(
    /http_server_request_duration_seconds_count\{.*operation="create_note".*status="201".*\} 1/,
  )
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as Json
  expect(document.paths['/v1/notes'].post).toMatchObject({
    operationId: 'create_note',
    security: [{ bearer: [] }, { apiKey: [] }],
    responses: { 201: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Note' } } } } },
  })
  expect(document.paths['/v1/notes/{id}'].get.parameters).toMatchObject([
    { name: 'id', in: 'path', required: true },
    { name: 'limit', in: 'query', required: false },
  ])
})

test('a client that sends its head for ever is cut, and connections outlive the gateway [H-54]', () => {
  expect([server.headersTimeout, server.requestTimeout > 0, server.keepAliveTimeout > 60_000]).toEqual([
    15_000,
    true,
    true,
  ])
})

test('a slow reader is waited for without leaving listeners behind [H-41]', async () => {
  const warned: Error[] = []
  const note = (warning: Error) => void warned.push(warning)
  process.on('warning', note)
  const socket = connect(port, '127.0.0.1')
  socket.write('GET /slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
  const chunks = await socket.toArray()
  expect(Buffer.concat(chunks).length).toBeGreaterThan(20 * 1024 * 1024)
  process.off('warning', note)
  expect(warned).toEqual([])
})

test('what no route answers is refused in the way of the routes that are nearest', async () => {
  const shown = async (path: string, method = 'GET') => {
    const { status, body } = await read(await fetch(`${url}${path}`, { method }))
    return [status, typeof body.error]
  }
  const flat: [string, string, number][] = [
    ['/flat', 'DELETE', 405],
    ['/flat/x', 'GET', 404],
    ['/v1/notes/flat/x', 'PUT', 405],
    ['/v1/notes/flat/%zz?x', 'GET', 400],
  ]
  for (const [path, method, status] of flat)
    expect([path, ...(await shown(path, method))]).toEqual([path, status, 'string'])
  for (const [path, method] of [
    ['/flattened', 'GET'],
    ['/v1/notes', 'PUT'],
    ['/v1/notes/x', 'PUT'],
  ] as const)
    expect([path, (await shown(path, method))[1]]).toEqual([path, 'object'])
})

test('a path that cannot be decoded is 400, in the usual shape', async () => {
  expect(await read(await fetch(`${url}/v1/notes/%zz`))).toMatchObject({
    status: 400,
    body: { error: { code: 'invalid_request' }, request_id: expect.any(String) },
  })
})

test('a body may be left out where its schema says so', async () => {
  expect(await (await fetch(`${url}/maybe`, { method: 'POST' })).json()).toEqual({ got: null })
  expect(await (await post('/maybe', '{"a":1}')).json()).toEqual({ got: { a: 1 } })
})

test('before a service stops, readiness says so [H-48]', async () => {
  app.drain()
  expect(await read(await fetch(`${url}/readyz`))).toMatchObject({ status: 503, body: { failing: ['shutting down'] } })
})

test('a half-sent body is no request', async () => {
  const socket = connect(port, '127.0.0.1')
  socket.write('POST /raw HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc')
  socket.end()
  const [chunk] = (await Promise.race([once(socket, 'data'), once(socket, 'close')])) as [Buffer | boolean]
  expect(String(chunk)).not.toMatch(/^HTTP\/1.1 200/)
})
