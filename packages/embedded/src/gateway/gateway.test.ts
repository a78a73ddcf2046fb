import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { describe, expect, test } from '@jest/globals'
import { kongConfig, send, sendRaw, startPlatform, withTimeouts } from './gateway.fixture.ts'
import { createGateway } from './gateway.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const ORIGIN = 'http://localhost:3000'
const FULL = (received: string) => received.split('\r\n\r\n')[1] !== ''

describe('routing', () => {
  test('host, path and query arrive as the file says [H-73]', async () => {
    await using platform = await startPlatform()
    for (const path of [
      '/v1/a?x=1&x=2&y=%20',
      '/v1/a?',
      '/llm/v1//b?q',
      '/mcp',
      '/mcp/',
      '/mcp/tools?x=1',
      '/mcp/healthz',
    ])
      await send(platform.port, { path })
    await sendRaw(platform.port, 'GET http://other:99/v1/abs HTTP/1.1\r\nHost: x\r\n\r\n', FULL)
    expect(platform.recorded.map(({ host, url }) => host + url)).toEqual([
      'llm-api:8080/v1/a?x=1&x=2&y=%20',
      'llm-api:8080/v1/a?',
      'llm-api:8080/v1/b?q',
      'mcp-tools:8091/v1/mcp',
      'mcp-tools:8091/v1/mcp/',
      'mcp-tools:8091/v1/mcp/tools?x=1',
      'mcp-tools:8091/healthz',
      'llm-api:8080/v1/abs',
    ])
    expect(platform.recorded.at(-1)?.headers['x-forwarded-host']).toEqual(['other'])
  })

  test('an unknown path is answered 404 by the gateway, with ids and CORS', async () => {
    await using platform = await startPlatform()
    const answer = await send(platform.port, { path: '/nowhere', headers: { 'x-request-id': 'mine', origin: ORIGIN } })
    expect(answer.status).toBe(404)
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
    expect(JSON.parse(answer.body)).toEqual({
      message: 'no Route matched with those values',
      request_id: expect.stringMatching(/^[0-9a-f]{32}$/),
    })
    expect(answer.headers).toMatchObject({
      'x-request-id': 'mine',
      'access-control-allow-origin': ORIGIN,
      'x-content-type-options': 'nosniff',
    })
    expect(platform.recorded).toEqual([])
  })

  test('every method is passed on, except TRACE and CONNECT', async () => {
    await using platform = await startPlatform()
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'PROPFIND'])
      expect((await send(platform.port, { method })).status).toBe(200)
    expect((await send(platform.port, { method: 'HEAD', path: '/nowhere' })).body).toBe('')
    expect((await send(platform.port, { method: 'TRACE' })).status).toBe(405)
    expect(await sendRaw(platform.port, 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n')).toMatch(
      /^HTTP\/1.1 400 .*"Bad request"/s,
    )
    expect(platform.recorded).toHaveLength(8)
  })
})

describe('request headers', () => {
  test('identity headers are removed in every case and copy, others keep their lines [H-75 H-99]', async () => {
    await using platform = await startPlatform()
    const headers = [
      'Host: localhost:8000',
      'X-User-ID: admin',
      'x-user-id: admin2',
      'X-USER-SUBJECT: s',
      'x-Consumer-Username: c',
      'X-Authenticated-Userid: u',
      'X_User_ID: another-name',
      'Authorization: Bearer t',
      'Proxy-Authorization: Basic p',
      'X-Twice: 1',
      'X-Twice: 2',
      'Cookie: a=1',
      'Connection: keep-alive, X-Hop',
      'X-Hop: h',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: keep-alive',
      'Proxy: http://evil',
      'Upgrade: h2c',
      'TE: trailers',
      'X-Forwarded-For: 1.2.3.4',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: evil',
      'X-Forwarded-Prefix: /evil',
      'X-Real-IP: 1.2.3.4',
    ]
    await sendRaw(platform.port, `GET /llm/v1/x?y HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`, FULL)
    await send(platform.port, { headers: { 'X-Forwarded-Prefix': '/evil' } })
    const [seen, plain] = platform.recorded
    expect(seen?.headers).toEqual({
      host: ['llm-api:8080'],
      connection: ['keep-alive'],
      x_user_id: ['another-name'],
      authorization: ['Bearer t'],
      'proxy-authorization': ['Basic p'],
      'x-twice': ['1', '2'],
      cookie: ['a=1'],
      'x-request-id': [expect.stringMatching(UUID)],
      'x-forwarded-for': ['1.2.3.4, 127.0.0.1'],
      'x-forwarded-proto': ['http'],
      'x-forwarded-host': ['localhost'],
      'x-forwarded-port': [String(platform.port)],
      'x-forwarded-path': ['/llm/v1/x'],
      'x-forwarded-prefix': ['/llm/'],
      'x-real-ip': ['127.0.0.1'],
    })
    expect(plain?.headers['x-forwarded-prefix']).toBeUndefined()
  })

  test('a Connection header cannot take the length from a body, so no body is read as a request', async () => {
    await using platform = await startPlatform()
    const body = 'GET /v1/smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
    const lines = `Host: a\r\nConnection: Content-Length, Transfer-Encoding\r\nContent-Length: ${body.length}`
    for (const method of ['GET', 'DELETE', 'POST'])
      await sendRaw(platform.port, `${method} /v1/x HTTP/1.1\r\n${lines}\r\n\r\n${body}`, FULL)
    for (const method of ['GET', 'DELETE'])
      await send(platform.port, { method, headers: { 'transfer-encoding': 'chunked' }, body })
    await send(platform.port, { path: '/v1/last' })
    expect(platform.recorded.map(({ url }) => url)).toEqual([...Array(5).fill('/v1/x'), '/v1/last'])
    expect(platform.recorded.map((entry) => entry.body)).toEqual([...Array(5).fill(body), ''])
  })

  test("a client's request id is kept as it is and echoed over the service's own; an empty or missing one is made [H-74]", async () => {
    await using platform = await startPlatform()
    platform.answer((_req, res) => res.setHeader('X-Request-Id', 'of the service').end())
    const odd = `<b>"${'x'.repeat(4000)}"</b>`
    const kept = await send(platform.port, { headers: { 'X-Request-ID': odd } })
    const twice = await send(platform.port, { headers: { 'X-Request-Id': ['first', 'second'] } })
    const empty = await send(platform.port, { headers: { 'X-Request-Id': '' } })
    const made = await send(platform.port)
    const ids = platform.recorded.map(({ headers }) => headers['x-request-id'])
    expect([kept, twice].map(({ lines }) => lines['x-request-id'])).toEqual([[odd], ['first']])
    expect(ids.slice(0, 2)).toEqual([[odd], ['first', 'second']])
    expect([empty, made].map(({ lines }) => lines['x-request-id'])).toEqual(ids.slice(2))
    expect(made.headers['x-request-id']).toMatch(UUID)
  })
})

describe('answers', () => {
  test("a service's status, lines and body pass; connection headers and X-Powered-By do not [H-74]", async () => {
    await using platform = await startPlatform()
    platform.answer((_req, res) => {
      const own = [
        'set-cookie',
        'a=1',
        'set-cookie',
        'b=2',
        'vary',
        'Accept',
        'link',
        '<a>',
        'link',
        '<b>',
        'server',
        'mine',
      ]
      res.writeHead(418, 'Teapot', [
        ...own,
        'x-powered-by',
        'x',
        'referrer-policy',
        'origin',
        'connection',
        'x-hop',
        'x-hop',
        'h',
      ])
      res.end('body')
    })
    const { status, lines, body } = await send(platform.port)
    expect({ status, body }).toEqual({ status: 418, body: 'body' })
    expect(lines).toMatchObject({
      'set-cookie': ['a=1', 'b=2'],
      link: ['<a>', '<b>'],
      vary: ['Accept', 'Origin'],
      server: ['mine'],
      'x-content-type-options': ['nosniff'],
      'referrer-policy': ['origin'],
    })
    expect(lines).not.toHaveProperty('x-powered-by')
    expect(lines).not.toHaveProperty('x-hop')
  })
})

describe('CORS [H-74]', () => {
  const preflight = (origin: string) => ({ origin, 'access-control-request-method': 'POST' })

  test('a preflight is answered by the gateway and does not count', async () => {
    await using platform = await startPlatform()
    const { status, headers, body } = await send(platform.port, { method: 'OPTIONS', headers: preflight(ORIGIN) })
    expect({ status, body }).toEqual({ status: 200, body: '' })
    expect(headers).toMatchObject({
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET,POST,PUT,PATCH,DELETE,OPTIONS,HEAD',
      'access-control-allow-headers': expect.stringContaining('Mcp-Session-Id'),
      'access-control-max-age': '3600',
      vary: 'Origin',
    })
    expect(headers).not.toHaveProperty('access-control-expose-headers')
    expect(headers).not.toHaveProperty('ratelimit-limit')
    expect(platform.recorded).toEqual([])
  })

  test('a foreign origin gets the same without its name', async () => {
    await using platform = await startPlatform()
    platform.answer((_req, res) => res.setHeader('Access-Control-Allow-Origin', '*').end())
    const foreign = { origin: 'http://localhost.evil:3000' }
    const refused = await send(platform.port, { method: 'OPTIONS', headers: preflight(foreign.origin) })
    expect(refused.status).toBe(200)
    expect(refused.headers).not.toHaveProperty('access-control-allow-origin')
    expect(refused.headers).toHaveProperty('access-control-allow-methods')
    const simple = await send(platform.port, { headers: foreign })
    expect(simple.headers).not.toHaveProperty('access-control-allow-origin')
    expect(simple.headers['access-control-allow-credentials']).toBe('true')
    expect(platform.recorded).toHaveLength(1)
  })

  test('a simple request passes and may read the exposed headers', async () => {
    await using platform = await startPlatform()
    platform.answer((_req, res) => res.setHeader('Access-Control-Expose-Headers', 'X-Other').end())
    const { lines } = await send(platform.port, { headers: { origin: ORIGIN } })
    expect(lines['access-control-allow-origin']).toEqual([ORIGIN])
    expect(lines['access-control-expose-headers']).toEqual([expect.stringMatching(/^X-Request-Id,Mcp-Session-Id,/)])
  })

  test('a preflight needs a route, and OPTIONS without a method asked for goes to the service', async () => {
    await using platform = await startPlatform()
    expect((await send(platform.port, { method: 'OPTIONS', path: '/no', headers: preflight(ORIGIN) })).status).toBe(404)
    await send(platform.port, { method: 'OPTIONS', headers: { origin: ORIGIN } })
    expect(platform.recorded.map(({ method }) => method)).toEqual(['OPTIONS'])
  })
})

describe('rate limit', () => {
  test('counts per fixed window of the clock and says so [H-74]', async () => {
    let now = Date.UTC(2026, 0, 1, 12, 0, 15)
    const config = kongConfig(({ plugins }) => Object.assign(plugins['rate-limiting'] ?? {}, { minute: 2, hour: 3 }))
    await using platform = await startPlatform({ config, clock: () => now })
    const first = await send(platform.port)
    expect(first.headers).toMatchObject({
      'ratelimit-limit': '2',
      'ratelimit-remaining': '1',
      'ratelimit-reset': '45',
      'x-ratelimit-limit-minute': '2',
      'x-ratelimit-remaining-minute': '1',
      'x-ratelimit-limit-hour': '3',
      'x-ratelimit-remaining-hour': '2',
    })
    // A spoofed address, an unknown path and a preflight change nothing.
    await send(platform.port, { path: '/nowhere' })
    expect(
      (await send(platform.port, { headers: { 'x-forwarded-for': '9.9.9.9' } })).headers['ratelimit-remaining'],
    ).toBe('0')
    const refused = await send(platform.port, { headers: { origin: ORIGIN } })
    expect(refused.status).toBe(429)
    expect(JSON.parse(refused.body)).toMatchObject({ message: 'API rate limit exceeded' })
    expect(refused.headers).toMatchObject({
      'retry-after': '45',
      'x-ratelimit-remaining-hour': '1',
      'access-control-allow-origin': ORIGIN,
    })

    now += 45_000
    expect((await send(platform.port)).headers['ratelimit-limit']).toBe('3') // the hour is the tighter one now
    const hour = await send(platform.port)
    expect([hour.status, hour.headers['retry-after']]).toEqual([429, String(59 * 60)])
    now += 59 * 60_000
    expect((await send(platform.port)).status).toBe(200)
    expect(platform.recorded).toHaveLength(4)
  })

  test('can be raised from outside and hidden by the file [H-74 P-057]', async () => {
    await using raised = await startPlatform({ rateLimitPerMinute: 100_000 })
    expect((await send(raised.port)).headers).toMatchObject({
      'x-ratelimit-limit-minute': '100000',
      'x-ratelimit-limit-hour': '6000000',
    })
    const config = kongConfig(({ plugins }) =>
      Object.assign(plugins['rate-limiting'] ?? {}, { minute: 1, hide_client_headers: true }),
    )
    await using hidden = await startPlatform({ config })
    hidden.answer((_req, res) => res.setHeader('X-RateLimit-Limit-Requests', '7').end())
    expect((await send(hidden.port)).headers).toMatchObject({ 'x-ratelimit-limit-requests': '7' })
    const refused = await send(hidden.port)
    expect(refused.status).toBe(429)
    expect(Object.keys(refused.headers).filter((name) => /ratelimit|retry/.test(name))).toEqual([])
  })
})

describe('sizes [H-74 H-101]', () => {
  const small = kongConfig(({ plugins }) =>
    Object.assign(plugins['request-size-limiting'] ?? {}, { allowed_payload_size: 1, size_unit: 'kilobytes' }),
  )

  test('an announced length is judged before the body is sent', async () => {
    await using platform = await startPlatform({ config: small })
    const head =
      'POST /v1/x HTTP/1.1\r\nHost: x\r\nOrigin: http://localhost:3000\r\nX-Request-Id: mine\r\nContent-Length: 1025\r\n\r\n'
    const answer = await sendRaw(platform.port, head, (received) => received.includes('Request size limit exceeded'))
    expect(answer).toMatch(/^HTTP\/1.1 413 /)
    expect(answer).toMatch(/\r\naccess-control-allow-origin: http:\/\/localhost:3000\r\n/)
    expect(answer).toMatch(/\r\nx-request-id: mine\r\n/)
    expect((await send(platform.port, { method: 'POST', body: Buffer.alloc(1024) })).status).toBe(200)
    expect(platform.recorded.map(({ body }) => body.length)).toEqual([1024])
  })

  test('a chunked body is counted before the service hears of it, and arrives with its length', async () => {
    await using platform = await startPlatform({ config: small })
    const chunked = (body: Buffer) => ({ method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body })
    const refused = await send(platform.port, chunked(Buffer.alloc(300_000)))
    expect([refused.status, JSON.parse(refused.body).message]).toEqual([413, 'Request size limit exceeded'])
    expect((await send(platform.port, chunked(Buffer.from('hello')))).status).toBe(200)
    expect((await send(platform.port, { method: 'POST', headers: { 'transfer-encoding': 'chunked' } })).status).toBe(
      200,
    )
    expect(platform.recorded.map(({ body, headers }) => [body, headers['content-length']])).toEqual([
      ['hello', ['5']],
      ['', ['0']],
    ])
    expect(platform.recorded[0]?.headers).not.toHaveProperty('transfer-encoding')
  })

  test('a request line or a header line over 8 KiB is refused', async () => {
    await using platform = await startPlatform()
    expect((await send(platform.port, { path: `/v1/${'x'.repeat(8 * 1024)}` })).status).toBe(414)
    const long = await send(platform.port, { headers: { 'x-long': 'x'.repeat(8 * 1024) } })
    expect([long.status, JSON.parse(long.body).message]).toEqual([400, 'Request header or cookie too large'])
    const many = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`x-${i}`, 'x'.repeat(7000)]))
    expect((await send(platform.port, { headers: many })).status).toBe(400)
    expect(
      (await send(platform.port, { path: `/v1/${'x'.repeat(7000)}`, headers: { 'x-long': 'x'.repeat(7000) } })).status,
    ).toBe(200)
  })
})

describe('protocol errors', () => {
  test.each([
    ['garbage', 'hello\r\n\r\n'],
    ['no Host', 'GET /v1/x HTTP/1.1\r\n\r\n'],
    ['two Hosts', 'GET /v1/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
    ['a lower-case method', 'get /v1/x HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a space in the target', 'GET /v1/a b HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a space in a header name', 'GET /v1/x HTTP/1.1\r\nHost: a\r\nX y: z\r\n\r\n'],
    ['two lengths', 'POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx'],
    [
      'length and chunks',
      'POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a bad chunk', 'POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n'],
    ['a path above the root', 'GET /a/../../x HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a bad escape', 'GET /v1/%zz HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a NUL', 'GET /v1/x%00 HTTP/1.1\r\nHost: a\r\n\r\n'],
  ])('%s is answered 400 with a body and security headers', async (_name, bytes) => {
    await using platform = await startPlatform()
    const answer = await sendRaw(platform.port, bytes, (received) => received.includes('request_id'))
    expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/)
    expect(answer).toMatch(/\r\nx-content-type-options: nosniff\r\n/)
    expect(answer).toMatch(/\r\nx-request-id: /)
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ message: 'Bad request' })
    expect(platform.recorded).toEqual([])
  })

  test('HTTP/1.0 without a Host works', async () => {
    await using platform = await startPlatform()
    expect(await sendRaw(platform.port, 'GET /v1/x HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 200 .*ok$/s)
  })

  test('100-continue is answered by the gateway and never forwarded', async () => {
    await using platform = await startPlatform()
    const head = 'POST /v1/x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n'
    expect(await sendRaw(platform.port, head, (received) => received.includes('100'))).toBe(
      'HTTP/1.1 100 Continue\r\n\r\n',
    )
    await sendRaw(platform.port, `${head}hi`, (received) => received.includes('200'))
    expect(platform.recorded.at(-1)).toMatchObject({ body: 'hi' })
    expect(platform.recorded.at(-1)?.headers).not.toHaveProperty('expect')
  })
})

describe('a failing service [H-77]', () => {
  const message = ({ status, body }: { status: number; body: string }) => [status, JSON.parse(body).message]
  const BAD = [502, 'An invalid response was received from the upstream server']
  const LATE = [504, 'The upstream server is timing out']

  test('refused is 502, and the client still sees CORS and its id', async () => {
    await using platform = await startPlatform()
    await platform.stopService()
    const answer = await send(platform.port, {
      method: 'POST',
      body: 'x',
      headers: { origin: ORIGIN, 'x-request-id': 'mine' },
    })
    expect(message(answer)).toEqual(BAD)
    expect(answer.headers).toMatchObject({ 'access-control-allow-origin': ORIGIN, 'x-request-id': 'mine' })
    expect(answer.headers).toHaveProperty('ratelimit-remaining')
  })

  test('closed before a status line is 502, after one attempt', async () => {
    await using platform = await startPlatform()
    platform.answer((req) => req.socket.destroy())
    expect(message(await send(platform.port))).toEqual(BAD)
    expect(message(await send(platform.port, { method: 'POST', body: 'x' }))).toEqual(BAD)
    expect(platform.recorded).toHaveLength(2)
  })

  test('a POST on a kept connection that the service closes is 502 and is not repeated', async () => {
    await using platform = await startPlatform()
    await send(platform.port)
    const [kept] = platform.connections
    platform.answer((req) => {
      expect(req.socket).toBe(kept)
      req.socket.destroy()
    })
    expect(message(await send(platform.port, { method: 'POST', body: 'x' }))).toEqual(BAD)
    expect(platform.recorded).toHaveLength(2)
  })

  test('silence before the head is 504', async () => {
    const config = withTimeouts({ read_timeout: 50 })
    await using platform = await startPlatform({ config })
    platform.answer(() => {})
    expect(message(await send(platform.port))).toEqual(LATE)
    expect(message(await send(platform.port, { method: 'POST', body: 'x' }))).toEqual(LATE)
    expect(platform.recorded).toHaveLength(2)
  })

  test('a connection that is not accepted in time is 504', async () => {
    // The listener never runs again, so its short queue fills up and the kernel ignores further attempts.
    const listener = new Worker(
      `const { parentPort } = require('node:worker_threads')
       const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
         parentPort.postMessage(server.address().port)
         setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0))
       })`,
      { eval: true },
    )
    const [port] = await once(listener, 'message')
    const queue = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => {}))
    await once(queue[1] as Socket, 'connect')
    const config = withTimeouts({ connect_timeout: 50 })
    await using platform = await startPlatform({ config, ports: { 'llm-api': port } })
    expect(message(await send(platform.port))).toEqual(LATE)
    for (const socket of queue) socket.destroy()
    await listener.terminate()
  })

  test('a host without an address is 503', async () => {
    await using platform = await startPlatform({ ports: {} })
    expect(message(await send(platform.port))).toEqual([503, 'name resolution failed'])
  })
})

describe('a stand-in for a laptop', () => {
  test('refuses production [H-71]', () => {
    expect(() => createGateway({ config: kongConfig(), ports: {}, production: true })).toThrow(/NODE_ENV=production/)
  })

  test.each(['0.0.0.0', '::', '192.168.1.10', 'example.org'])('refuses to listen on %s [H-71]', async (address) => {
    const gateway = createGateway({ config: kongConfig(), ports: {}, production: false })
    await expect(gateway.listen(0, address)).rejects.toThrow(/loopback only/)
  })

  test('says when its port is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const gateway = createGateway({ config: kongConfig(), ports: {}, production: false })
    await expect(gateway.listen((holder.address() as { port: number }).port)).rejects.toThrow(/EADDRINUSE/)
    holder.close()
  })
})
