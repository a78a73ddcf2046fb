import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from '@jest/globals'
import { type Platform, send, sendRaw, startPlatform, until, withTimeouts } from './gateway.fixture.ts'

/** Starts a request and leaves it open. */
function begin({ port }: Platform, method = 'GET', headers: Record<string, string | number> = {}): ClientRequest {
  const outgoing = request({ host: '127.0.0.1', port, method, path: '/v1/x', headers, agent: false })
  outgoing.on('error', () => {})
  outgoing.flushHeaders()
  return outgoing
}
const answerTo = async (outgoing: ClientRequest) => ((await once(outgoing, 'response')) as [IncomingMessage])[0]

/** The next request that a service gets, its answer still open. */
const nextCall = (platform: Platform) =>
  new Promise<{ req: IncomingMessage; res: ServerResponse }>((resolve) =>
    platform.answer((req, res) => resolve({ req, res })),
  )

test('the head and each event arrive when they are sent [H-76]', async () => {
  await using platform = await startPlatform()
  const called = nextCall(platform)
  const outgoing = begin(platform)
  const { res } = await called
  res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
  const answer = await answerTo(outgoing) // before any event
  for (const event of ['data: one\n\n', ': keep-alive\n\n', 'data: two\n\n']) {
    res.write(event)
    const [chunk] = await once(answer, 'data')
    expect(String(chunk)).toBe(event)
  }
  res.end('data: [DONE]\n\n')
  expect(await text(answer)).toBe('data: [DONE]\n\n')
})

test.each(['before the head', 'in the middle of a stream'])(
  'a client that leaves %s frees the service at once',
  async (when) => {
    await using platform = await startPlatform()
    const called = nextCall(platform)
    const outgoing = begin(platform)
    const { res } = await called
    if (when !== 'before the head') {
      res.write('data: one\n\n')
      await once(await answerTo(outgoing), 'data')
    }
    outgoing.destroy()
    await until(() => res.destroyed)
  },
)

test('a client that closes its half counts as gone', async () => {
  await using platform = await startPlatform()
  const called = nextCall(platform)
  const socket = connect(platform.port, '127.0.0.1')
  socket.end('GET /v1/x HTTP/1.1\r\nHost: a\r\n\r\n')
  const { res } = await called
  await until(() => res.destroyed)
})

test('a client that leaves in the middle of its upload frees the service', async () => {
  await using platform = await startPlatform()
  const called = nextCall(platform)
  const outgoing = begin(platform, 'POST', { 'content-length': 1000 })
  const { req } = await called
  req.on('error', () => {})
  outgoing.destroy()
  await until(() => req.destroyed)
})

test.each([
  ['chunked', {}],
  ['with a length', { 'content-length': 100 }],
])('a service that dies inside a body %s cuts the client too [H-77]', async (_name, headers) => {
  await using platform = await startPlatform()
  const called = nextCall(platform)
  const outgoing = begin(platform)
  const { res } = await called
  res.writeHead(200, headers).write('half')
  const answer = await answerTo(outgoing)
  await once(answer, 'data')
  res.destroy()
  await expect(text(answer)).rejects.toThrow('aborted')
})

test('silence in the middle of a stream cuts it, a comment in time does not [H-77]', async () => {
  await using platform = await startPlatform({ config: withTimeouts({ read_timeout: 300 }) })
  const called = nextCall(platform)
  const outgoing = begin(platform)
  const { res } = await called
  const comments = setInterval(() => res.write(': keep-alive\n\n'), 20)
  const answer = await answerTo(outgoing)
  let received = 0
  answer.on('data', () => {
    received += 1
    if (received === 20) clearInterval(comments) // well after the timeout
  })
  await expect(once(answer, 'end')).rejects.toThrow('aborted')
  expect(received).toBeGreaterThanOrEqual(20)
})

test('an upload with a length reaches the service as it comes [H-76]', async () => {
  await using platform = await startPlatform()
  const called = nextCall(platform)
  const outgoing = begin(platform, 'POST', { 'content-length': 10 })
  const { req, res } = await called // before any byte of the body
  outgoing.write('first')
  expect(String((await once(req, 'data'))[0])).toBe('first')
  outgoing.end('later')
  expect(String((await once(req, 'data'))[0])).toBe('later')
  res.end('done')
  expect(await text(await answerTo(outgoing))).toBe('done')
})

test('a slow service holds the client back instead of filling memory [H-76]', async () => {
  await using platform = await startPlatform()
  const called = nextCall(platform)
  const piece = Buffer.alloc(64 * 1024)
  const length = 400 * piece.length
  const outgoing = begin(platform, 'POST', { 'content-length': length })
  const { req, res } = await called
  let written = 0
  const write = () => {
    while (written < length) {
      written += piece.length
      if (!outgoing.write(piece)) return
    }
    outgoing.end()
  }
  outgoing.on('drain', write)
  write()
  let quiet = 0
  let before = 0
  await until(() => {
    quiet = written === before ? quiet + 1 : 0
    before = written
    return quiet > 50
  })
  expect(written).toBeLessThan(length)
  res.end(String((await text(req)).length))
  expect(await text(await answerTo(outgoing))).toBe(String(length))
})

test('a service that refuses an upload early is heard', async () => {
  await using platform = await startPlatform()
  platform.answer((_req, res) => res.writeHead(413).end('too much'))
  const outgoing = begin(platform, 'POST', { 'content-length': 20_000_000 })
  outgoing.end(Buffer.alloc(20_000_000))
  const answer = await answerTo(outgoing)
  expect([answer.statusCode, await text(answer)]).toEqual([413, 'too much'])
})

const UPGRADE = 'GET /v1/ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-User-ID: me\r\n\r\n'

test('an upgraded connection carries both ways and ends with either side [H-76]', async () => {
  await using platform = await startPlatform()
  const socket = connect(platform.port, '127.0.0.1')
  socket.write(`${UPGRADE}early`)
  let received = ''
  socket.on('data', (chunk) => {
    received += chunk
  })
  await until(() => received.endsWith('early'))
  expect(received).toMatch(/^HTTP\/1.1 101 Switching Protocols\r\n/)
  for (const line of ['upgrade: websocket', 'x-service: yes', 'x-request-id: ', 'x-content-type-options: nosniff'])
    expect(received.toLowerCase()).toContain(`\r\n${line}`)
  socket.write('ping')
  await until(() => received.endsWith('ping'))
  expect(platform.connections.size).toBe(1)
  socket.destroy()
  await until(() => platform.connections.size === 0)
})

test('an upgrade meets the same refusals as a request', async () => {
  await using platform = await startPlatform({ rateLimitPerMinute: 1 })
  const ask = (bytes: string) => sendRaw(platform.port, bytes)
  expect(await ask(UPGRADE.replace('/v1/ws', '/nowhere'))).toMatch(/^HTTP\/1.1 404 .*no Route matched/s)
  await send(platform.port)
  expect(await ask(UPGRADE)).toMatch(/^HTTP\/1.1 429 .*x-request-id.*API rate limit exceeded/s)
  await platform.gateway.close(0)
})

test('an upgrade with a body, or to anything but a WebSocket, is an ordinary request', async () => {
  await using platform = await startPlatform()
  const bodied = UPGRADE.replace('\r\n\r\n', '\r\nContent-Length: 2\r\n\r\nhi')
  for (const bytes of [bodied, UPGRADE.replace('websocket', 'h2c'), UPGRADE.replace('GET', 'DELETE')])
    expect(await sendRaw(platform.port, bytes, (received) => received.endsWith('ok'))).toMatch(/^HTTP\/1.1 200 /)
  expect(platform.recorded.map(({ body, headers }) => [body, headers.upgrade])).toEqual([
    ['hi', undefined],
    ['', undefined],
    ['', undefined],
  ])
})

test('a service that is away or says no to an upgrade is heard', async () => {
  await using platform = await startPlatform()
  const ask = () => sendRaw(platform.port, UPGRADE)
  platform.refuseUpgrades()
  expect(await ask()).toMatch(/^HTTP\/1.1 401 .*x-content-type-options: nosniff.*who are you/s)
  await platform.stopService()
  expect(await ask()).toMatch(/^HTTP\/1.1 502 .*An invalid response/s)
})

test('an idle upgraded connection is cut after the read timeout', async () => {
  await using platform = await startPlatform({ config: withTimeouts({ read_timeout: 300 }) })
  const socket = connect(platform.port, '127.0.0.1')
  socket.write(UPGRADE)
  expect(await text(socket)).toMatch(/^HTTP\/1.1 101 /)
})

test('closing lets what is under way finish and takes nothing new', async () => {
  await using platform = await startPlatform()
  const called = nextCall(platform)
  const outgoing = begin(platform)
  const { res } = await called
  res.write('one')
  const answer = await answerTo(outgoing)
  const closed = platform.gateway.close(5000)
  await expect(send(platform.port)).rejects.toThrow(/ECONNREFUSED/)
  res.end(' two')
  expect(await text(answer)).toBe('one two')
  await closed
})

test('closing cuts after its grace what does not finish, streams and upgraded connections alike', async () => {
  await using platform = await startPlatform()
  const called = nextCall(platform)
  const answer = answerTo(begin(platform))
  ;(await called).res.write('one')
  const socket = connect(platform.port, '127.0.0.1')
  socket.write(UPGRADE)
  await once(socket, 'data')
  const cut = expect(answer.then(text)).rejects.toThrow('aborted')
  await platform.gateway.close(20)
  await cut
  await until(() => socket.destroyed)
})

test('closing does not wait for a connection that never asked anything', async () => {
  await using platform = await startPlatform()
  const silent = connect(platform.port, '127.0.0.1')
  await once(silent, 'connect')
  // A request that was answered on a later connection shows that the silent one has been accepted.
  await send(platform.port)
  await Promise.all([platform.gateway.close(3_600_000), once(silent, 'close')])
})
