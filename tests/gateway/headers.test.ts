import { send, sendRaw } from '@jan/embedded/gateway/client.fixture'
import { expect, test } from '@jest/globals'
import { startSubject } from './harness/subject.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

test('identity headers are removed in every case and copy, others keep their lines [H-75 H-99 I-062 I-064]', async () => {
  await using gateway = await startSubject()
  const headers = [
    'Host: client.example',
    'Connection: close, X-Hop',
    'X-User-ID: admin',
    'x-user-id: admin2',
    'X-USER-SUBJECT: s',
    'x-user-roles: admin',
    'X-Principal-Id: p',
    'X-Auth-Method: jwt',
    'X-Scopes: admin',
    'x-Consumer-Username: c',
    'X-Credential-Identifier: k',
    'X-Authenticated-Userid: u',
    'X_User_ID: another-name',
    'Authorization: Bearer t',
    'X-API-Key: sk_1',
    'Proxy-Authorization: Basic p',
    'X-Twice: 1',
    'X-Twice: 2',
    'Cookie: a=1',
    'X-Hop: h',
    'Keep-Alive: timeout=5',
    'Proxy-Connection: keep-alive',
    'TE: trailers',
  ]
  await sendRaw(gateway, `GET /llm/v1/x?y HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`)
  const [seen] = gateway.services.recorded
  expect(seen?.host).toBe(gateway.hostOf('llm-api'))
  expect(seen?.headers).toMatchObject({
    x_user_id: ['another-name'],
    authorization: ['Bearer t'],
    'x-api-key': ['sk_1'],
    'proxy-authorization': ['Basic p'],
    'x-twice': ['1', '2'],
    cookie: ['a=1'],
    te: ['trailers'],
  })
  const passed = Object.keys(seen?.headers ?? {})
  expect(passed.filter((name) => /^x-(user|principal|auth|scopes|consumer|credential|anonymous)/.test(name))).toEqual(
    [],
  )
  expect(passed.filter((name) => /^(x-hop|keep-alive|proxy-connection)$/.test(name))).toEqual([])
})

test('the service learns who asked for what; what the client says of it does not count [I-062]', async () => {
  await using gateway = await startSubject()
  const headers = {
    host: 'client.example',
    'x-forwarded-for': '1.2.3.4',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'evil',
    'x-forwarded-port': '1',
    'x-forwarded-path': '/evil',
    'x-forwarded-prefix': '/evil',
    'x-real-ip': '1.2.3.4',
  }
  await send(gateway, { path: '/llm/v1/x?y', headers })
  await send(gateway, { path: '/v1/x', headers: { 'x-forwarded-prefix': '/evil' } })
  const [stripped, plain] = gateway.services.recorded.map((entry) => entry.headers)
  expect(stripped).toMatchObject({
    'x-forwarded-for': [expect.stringMatching(/^1\.2\.3\.4, [0-9a-f.:]+$/)],
    'x-forwarded-proto': ['http'],
    'x-forwarded-host': ['client.example'],
    'x-forwarded-path': ['/llm/v1/x'],
    'x-forwarded-prefix': ['/llm/'],
  })
  expect(stripped?.['x-forwarded-port']).not.toEqual(['1'])
  expect(stripped?.['x-real-ip']).toEqual([stripped?.['x-forwarded-for']?.[0]?.split(', ')[1]])
  expect(plain?.['x-forwarded-prefix']).toBeUndefined()
})

test("a client's request id is kept and echoed over the service's own; an empty or missing one is made [H-74 I-062]", async () => {
  await using gateway = await startSubject()
  gateway.services.answer((_req, res) => res.setHeader('X-Request-Id', 'of the service').end())
  const odd = `<b>"${'x'.repeat(4000)}"</b>`
  const kept = await send(gateway, { headers: { 'X-Request-ID': odd } })
  const twice = await send(gateway, { headers: { 'X-Request-Id': ['first', 'second'] } })
  const empty = await send(gateway, { headers: { 'X-Request-Id': '' } })
  const made = await send(gateway)
  const ids = gateway.services.recorded.map(({ headers }) => headers['x-request-id'])
  expect([kept, twice].map(({ lines }) => lines['x-request-id'])).toEqual([[odd], ['first']])
  expect(ids.slice(0, 2)).toEqual([[odd], ['first', 'second']])
  expect([empty, made].map(({ lines }) => lines['x-request-id'])).toEqual(ids.slice(2))
  expect(made.headers['x-request-id']).toMatch(UUID)
})

test("a service's status, lines and body pass; connection headers and X-Powered-By do not [H-74 I-062]", async () => {
  await using gateway = await startSubject()
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
  const others = ['x-powered-by', 'x', 'referrer-policy', 'origin', 'connection', 'x-hop', 'x-hop', 'h']
  gateway.services.answer((_req, res) => res.writeHead(418, 'Teapot', [...own, ...others]).end('body'))
  const { status, lines, body } = await send(gateway)
  expect({ status, body }).toEqual({ status: 418, body: 'body' })
  expect(lines).toMatchObject({
    'set-cookie': ['a=1', 'b=2'],
    link: ['<a>', '<b>'],
    vary: ['Accept', 'Origin'],
    'x-content-type-options': ['nosniff'],
    'x-frame-options': ['DENY'],
    'referrer-policy': ['origin'],
  })
  expect(lines).not.toHaveProperty('x-powered-by')
})

test('HTTP/1.0 without a Host works, and 100-continue is answered by the gateway [I-062]', async () => {
  await using gateway = await startSubject()
  expect(await sendRaw(gateway, 'GET /v1/x HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.\d 200 .*ok$/s)
  const head = 'POST /v1/x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n'
  expect(await sendRaw(gateway, head, (received) => received.includes('100'))).toMatch(/^HTTP\/1.1 100 /)
  await sendRaw(gateway, `${head}hi`, (received) => received.includes('200'))
  expect(gateway.services.recorded.at(-1)).toMatchObject({ body: 'hi' })
  expect(gateway.services.recorded.at(-1)?.headers).not.toHaveProperty('expect')
})
