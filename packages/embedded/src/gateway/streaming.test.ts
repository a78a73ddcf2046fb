import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { until } from '@jan/testkit/until'
import { expect, test } from '@jest/globals'
import { answerTo, begin, send, sendRaw, UPGRADE } from './client.fixture.ts'
import { startPlatform } from './gateway.fixture.ts'

/** What the embedded gateway does beyond Kong, or as nobody could see from outside; the rest is tests/gateway. */
test('a slow service holds the client back instead of filling memory [H-76]', async () => {
  await using platform = await startPlatform()
  const called = platform.services.nextCall()
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

test('what a client sends along with its upgrade is not lost', async () => {
  await using platform = await startPlatform()
  expect(await sendRaw(platform, `${UPGRADE}early`, (received) => received.endsWith('early'))).toMatch(
    /^HTTP\/1.1 101 /,
  )
})

test('an upgrade meets the same refusals as a request', async () => {
  await using platform = await startPlatform({ rateLimitPerMinute: 1 })
  const ask = (bytes: string) => sendRaw(platform, bytes)
  expect(await ask(UPGRADE.replace('/v1/ws', '/nowhere'))).toMatch(/^HTTP\/1.1 404 .*no Route matched/s)
  await send(platform)
  expect(await ask(UPGRADE)).toMatch(/^HTTP\/1.1 429 .*x-request-id.*API rate limit exceeded/s)
  await platform.gateway.close(0)
})

test('an upgrade with a body, or to anything but a WebSocket, is an ordinary request', async () => {
  await using platform = await startPlatform()
  const bodied = UPGRADE.replace('\r\n\r\n', '\r\nContent-Length: 2\r\n\r\nhi')
  for (const bytes of [bodied, UPGRADE.replace('websocket', 'h2c'), UPGRADE.replace('GET', 'DELETE')])
    expect(await sendRaw(platform, bytes, (received) => received.endsWith('ok'))).toMatch(/^HTTP\/1.1 200 /)
  expect(platform.services.recorded.map(({ body, headers }) => [body, headers.upgrade])).toEqual([
    ['hi', undefined],
    ['', undefined],
    ['', undefined],
  ])
})

test('closing lets what is under way finish and takes nothing new', async () => {
  await using platform = await startPlatform()
  const called = platform.services.nextCall()
  const outgoing = begin(platform)
  const { res } = await called
  res.write('one')
  const answer = await answerTo(outgoing)
  const closed = platform.gateway.close(5000)
  await expect(send(platform)).rejects.toThrow(/ECONNREFUSED/)
  res.end(' two')
  expect(await text(answer)).toBe('one two')
  await closed
})

test('closing cuts after its grace what does not finish, streams and upgraded connections alike', async () => {
  await using platform = await startPlatform()
  const called = platform.services.nextCall()
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
  await send(platform)
  await Promise.all([platform.gateway.close(3_600_000), once(silent, 'close')])
})
