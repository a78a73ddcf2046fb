import { send, sendRaw } from '@jan/embedded/gateway/client.fixture'
import { expect, test } from '@jest/globals'
import type { KongFile } from './harness/kong-file.ts'
import { pluginOf, startSubject } from './harness/subject.ts'

const ORIGIN = 'http://localhost:3000'
const PREFLIGHT = { origin: ORIGIN, 'access-control-request-method': 'POST' }
/** At a real Kong a test may have to wait for the next minute. */
const WINDOW = 90_000

const perMinute =
  (minute: number, more: object = {}) =>
  (file: KongFile) =>
    void Object.assign(pluginOf(file, 'rate-limiting'), { minute, hour: 60_000_000 }, more)
const kilobyte = (file: KongFile) =>
  void Object.assign(pluginOf(file, 'request-size-limiting'), { allowed_payload_size: 1, size_unit: 'kilobytes' })

test(
  'over the limit is 429 with Retry-After, CORS and request id; spoofed addresses, preflights and unknown paths change nothing [H-74 I-062 I-066]',
  async () => {
    await using gateway = await startSubject(perMinute(3))
    await gateway.freshWindow()
    const first = await send(gateway)
    expect(first.headers).toMatchObject({
      'ratelimit-limit': '3',
      'ratelimit-remaining': '2',
      'x-ratelimit-limit-minute': '3',
      'x-ratelimit-remaining-minute': '2',
      'x-ratelimit-limit-hour': '60000000',
    })
    await send(gateway, { path: '/nowhere' })
    await send(gateway, { method: 'OPTIONS', headers: PREFLIGHT })
    await send(gateway, { headers: { 'x-forwarded-for': '9.9.9.9', 'x-real-ip': '9.9.9.9' } })
    const last = await send(gateway, { path: '/v1/mcp' })
    expect([last.status, last.headers['ratelimit-remaining']]).toEqual([200, '0'])

    const refused = await send(gateway, { headers: { origin: ORIGIN, 'x-request-id': 'mine' } })
    expect([refused.status, JSON.parse(refused.body).message]).toEqual([429, 'API rate limit exceeded'])
    expect(refused.headers).toMatchObject({
      'retry-after': expect.stringMatching(/^([1-9]|[1-5]\d|60)$/),
      'ratelimit-remaining': '0',
      'access-control-allow-origin': ORIGIN,
      'access-control-expose-headers': expect.stringContaining('Retry-After'),
      'x-request-id': 'mine',
      'x-content-type-options': 'nosniff',
    })
    expect(gateway.services.recorded).toHaveLength(3)
  },
  WINDOW,
)

test(
  'hidden headers hide those of the gateway, not those of the service [H-74 I-062]',
  async () => {
    await using gateway = await startSubject(perMinute(1, { hide_client_headers: true }))
    gateway.services.answer((_req, res) => res.setHeader('X-RateLimit-Limit-Requests', '7').end())
    await gateway.freshWindow()
    expect((await send(gateway)).headers).toMatchObject({ 'x-ratelimit-limit-requests': '7' })
    const refused = await send(gateway)
    expect(refused.status).toBe(429)
    expect(Object.keys(refused.headers).filter((name) => /ratelimit|retry/.test(name))).toEqual([])
  },
  WINDOW,
)

test('an announced length over the limit is 413 before the body is sent, with CORS and request id [H-74 H-101 I-062 I-066]', async () => {
  await using gateway = await startSubject(kilobyte)
  const head = [
    'POST /v1/x HTTP/1.1\r\nHost: x\r\nAccept: */*',
    `Origin: ${ORIGIN}`,
    'X-Request-Id: mine',
    'Content-Length: 1025',
  ]
  const answer = await sendRaw(gateway, `${head.join('\r\n')}\r\n\r\n`, (received) => /limit exceeded/.test(received))
  expect(answer).toMatch(/^HTTP\/1.1 413 .*"Request size limit exceeded"/s)
  expect(answer).toMatch(/\r\naccess-control-allow-origin: http:\/\/localhost:3000\r\n/i)
  expect(answer).toMatch(/\r\nx-request-id: mine\r\n/i)
  expect((await send(gateway, { method: 'POST', body: Buffer.alloc(1024) })).status).toBe(200)
  expect(gateway.services.recorded.map(({ body }) => body.length)).toEqual([1024])
})

test('a chunked body is counted before the service hears of it [H-74 H-101 I-062 I-066]', async () => {
  await using gateway = await startSubject(kilobyte)
  const chunked = (body: Buffer) => ({ method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body })
  const refused = await send(gateway, chunked(Buffer.alloc(300_000)))
  expect([refused.status, JSON.parse(refused.body).message]).toEqual([413, 'Request size limit exceeded'])
  expect(gateway.services.recorded).toEqual([])
  expect((await send(gateway, chunked(Buffer.from('hello')))).status).toBe(200)
  expect((await send(gateway, chunked(Buffer.alloc(1024)))).status).toBe(200)
  expect(gateway.services.recorded.map(({ body }) => body.length)).toEqual([5, 1024])
})

test('the size limit does not count against the rate limit [I-062]', async () => {
  await using gateway = await startSubject(kilobyte)
  const refused = await send(gateway, { method: 'POST', body: Buffer.alloc(2000) })
  expect(refused.status).toBe(413)
  expect(refused.headers).not.toHaveProperty('ratelimit-remaining')
})

test('a request line or a header line over 8 KiB is refused [I-062]', async () => {
  await using gateway = await startSubject()
  expect((await send(gateway, { path: `/v1/${'x'.repeat(8 * 1024)}` })).status).toBe(414)
  expect([400, 431]).toContain((await send(gateway, { headers: { 'x-long': 'x'.repeat(8 * 1024) } })).status)
  const many = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`x-${i}`, 'x'.repeat(7000)]))
  expect([400, 431]).toContain((await send(gateway, { headers: many })).status)
  const long = { path: `/v1/${'x'.repeat(7000)}`, headers: { 'x-long': 'x'.repeat(7000) } }
  expect((await send(gateway, long)).status).toBe(200)
  expect(gateway.services.recorded).toHaveLength(1)
})
