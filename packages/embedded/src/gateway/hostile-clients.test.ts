import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { freePort } from '@jan/testkit/free-port'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { send, UPGRADE } from './client.fixture.ts'
import { type Recorder, startRecorder } from './recorder.fixture.ts'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))
const GET = 'GET /v1/files HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n\r\n'
const GARBAGE = 'garbage garbage\r\n\r\n'
const CONNECT = 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'
const HUGE = `GET /v1/x HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`
const EXPECT = 'GET /v1/x HTTP/1.1\r\nHost: a\r\nExpect: the worst\r\n\r\n'
const CHUNKED = 'POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'

let services: Recorder
let gateway: ChildProcess
let port: number
let complaints = ''

beforeAll(async () => {
  services = await startRecorder()
  port = await freePort()
  const GATEWAY_HOSTS = Object.entries(services.ports)
    .map(([name, at]) => `${name}=${at}`)
    .join(',')
  const env = { PATH: process.env.PATH, GATEWAY_PORT: String(port), GATEWAY_HOSTS, GATEWAY_RATE_LIMIT: '100000' }
  // Crashes only its own process, which is what is judged.
  gateway = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  gateway.stderr?.on('data', (text) => {
    complaints += text
  })
  await once(gateway.stdout!, 'data')
})
afterAll(async () => {
  gateway.kill('SIGKILL')
  await services.stop()
})

const LEAVING = ['closes its half', 'resets the connection', 'waits for the end'] as const

describe.each(LEAVING)('the gateway outlives a client that %s', (how) => {
  test.each<[string, string[]]>([
    ['sends what is no request', [GARBAGE]],
    ['sends what is no request behind one', [GET, GARBAGE]],
    ['sends it behind many', [GET.repeat(200), GARBAGE]],
    ['sends a head that is too large behind a request', [GET, HUGE]],
    ['upgrades behind a request', [GET, UPGRADE]],
    ['upgrades behind half a body', [`${CHUNKED}3\r\nabc\r\n`, UPGRADE, GARBAGE]],
    ['upgrades behind a body', [`${CHUNKED}0\r\n\r\n`, UPGRADE]],
    ['upgrades twice', [UPGRADE, UPGRADE]],
    ['asks for a tunnel behind a request', [GET, CONNECT]],
    ['asks for a tunnel and goes on', [CONNECT, GARBAGE]],
    ['upgrades behind what Node answers itself', [EXPECT.repeat(2_000), UPGRADE]],
    ['breaks off a chunk', [`${CHUNKED}zz\r\n\r\n`, GET]],
    ['names a header that objects have', [GET.replace('Host: a', 'Host: a\r\n__proto__: x\r\nconstructor: y')]],
  ])('%s', async (_what, parts) => {
    for (const sent of [[parts.join('')], parts]) await attack(sent, how)
    expect([(await send({ port })).status, gateway.exitCode, complaints]).toEqual([200, null, ''])
  })
})

/** Writes each part when the one before has left, then leaves. Settles when the connection is closed. */
async function attack(parts: string[], how: (typeof LEAVING)[number]): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {}).setTimeout(500, () => socket.destroy())
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  for (const part of parts) await new Promise((sent) => socket.write(part, sent))
  if (how === 'resets the connection') socket.resetAndDestroy()
  if (how === 'closes its half') socket.end()
  socket.resume()
  await closed
}
