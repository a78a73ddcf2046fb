import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, test } from '@jest/globals'
import { send, sendRaw } from './client.fixture.ts'
import { kongConfig, startPlatform } from './gateway.fixture.ts'
import { createGateway } from './gateway.ts'

/** What the embedded gateway does beyond Kong, or as nobody could see from outside; the rest is tests/gateway. */
const FULL = (received: string) => received.split('\r\n\r\n')[1] !== ''

test('a Connection header cannot take the length from a body, so no body is read as a request', async () => {
  await using platform = await startPlatform()
  const body = 'GET /v1/smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
  const lines = `Host: a\r\nConnection: Content-Length, Transfer-Encoding\r\nContent-Length: ${body.length}`
  for (const method of ['GET', 'DELETE', 'POST'])
    await sendRaw(platform, `${method} /v1/x HTTP/1.1\r\n${lines}\r\n\r\n${body}`, FULL)
  for (const method of ['GET', 'DELETE'])
    await send(platform, { method, headers: { 'transfer-encoding': 'chunked' }, body })
  await send(platform, { path: '/v1/last' })
  expect(platform.services.recorded.map(({ url }) => url)).toEqual([...Array(5).fill('/v1/x'), '/v1/last'])
  expect(platform.services.recorded.map((entry) => entry.body)).toEqual([...Array(5).fill(body), ''])
})

test('a service gets what Kong would send, and no line more', async () => {
  await using platform = await startPlatform()
  const lines =
    'Host: localhost:8000\r\nConnection: close\r\nProxy: http://evil\r\nUpgrade: h2c\r\nTE: gzip\r\nTrailer: x'
  await sendRaw(platform, `GET /llm/v1/x HTTP/1.1\r\n${lines}\r\n\r\n`)
  expect(platform.services.recorded[0]?.headers).toEqual({
    host: ['llm-api:8080'],
    connection: ['keep-alive'],
    'x-request-id': [expect.stringMatching(/^[0-9a-f-]{36}$/)],
    'x-forwarded-for': ['127.0.0.1'],
    'x-forwarded-proto': ['http'],
    'x-forwarded-host': ['localhost'],
    'x-forwarded-port': [String(platform.port)],
    'x-forwarded-path': ['/llm/v1/x'],
    'x-forwarded-prefix': ['/llm/'],
    'x-real-ip': ['127.0.0.1'],
  })
})

test('counts per fixed window of the clock, and again from nothing in the next one [H-74]', async () => {
  let now = Date.UTC(2026, 0, 1, 12, 0, 15)
  const config = kongConfig(({ plugins }) => Object.assign(plugins['rate-limiting'] ?? {}, { minute: 2, hour: 3 }))
  await using platform = await startPlatform({ config, clock: () => now })
  const first = await send(platform)
  expect(first.headers).toMatchObject({
    'ratelimit-limit': '2',
    'ratelimit-remaining': '1',
    'ratelimit-reset': '45',
    'x-ratelimit-remaining-hour': '2',
  })
  await send(platform)
  const refused = await send(platform)
  expect(refused.status).toBe(429)
  // Refused requests do not count.
  expect(refused.headers).toMatchObject({ 'retry-after': '45', 'x-ratelimit-remaining-hour': '1' })

  now += 45_000
  expect((await send(platform)).headers['ratelimit-limit']).toBe('3') // the hour is the tighter one now
  const hour = await send(platform)
  expect([hour.status, hour.headers['retry-after']]).toEqual([429, String(59 * 60)])
  now += 59 * 60_000
  expect((await send(platform)).status).toBe(200)
  expect(platform.services.recorded).toHaveLength(4)
})

test('the limit can be raised from outside [H-74 P-057]', async () => {
  await using raised = await startPlatform({ rateLimitPerMinute: 100_000 })
  expect((await send(raised)).headers).toMatchObject({
    'x-ratelimit-limit-minute': '100000',
    'x-ratelimit-limit-hour': '6000000',
  })
})

test('a chunked body arrives with its length', async () => {
  await using platform = await startPlatform()
  const chunked = { method: 'POST', headers: { 'transfer-encoding': 'chunked' } }
  await send(platform, { ...chunked, body: 'hello' })
  await send(platform, chunked)
  expect(platform.services.recorded.map(({ body, headers }) => [body, headers['content-length']])).toEqual([
    ['hello', ['5']],
    ['', ['0']],
  ])
  expect(platform.services.recorded[0]?.headers).not.toHaveProperty('transfer-encoding')
})

test.each([
  ['no request at all', 'hello\r\n\r\n'],
  ['two Hosts', 'GET /v1/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
  ['a bad chunk', 'POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n'],
  ['a path above the root', 'GET /a/../../x HTTP/1.1\r\nHost: a\r\n\r\n'],
])('%s is answered 400 with a body and security headers', async (_name, bytes) => {
  await using platform = await startPlatform()
  const answer = await sendRaw(platform, bytes)
  expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/)
  expect(answer).toMatch(/\r\nx-content-type-options: nosniff\r\n/)
  expect(answer).toMatch(/\r\nx-request-id: /)
  expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ message: 'Bad request' })
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
