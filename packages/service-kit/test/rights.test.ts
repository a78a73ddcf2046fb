import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { z } from 'zod'
import type { Caller, Person } from '../src/auth.ts'
import { networkOf, parseTrustedProxies } from '../src/client-address.ts'
import { createHttpApp } from '../src/http-app.ts'
import { silentLogger as log } from '../src/logger.ts'
import { createMetrics } from '../src/metrics.ts'
import { route } from '../src/route.ts'

const get = { method: 'get', summary: 'x', answers: { 200: z.unknown() }, handler: () => ({ ok: true }) } as const
const routes = [
  route({ ...get, operation: 'get_any', path: '/any', auth: 'person' }),
  route({
    ...get,
    operation: 'get_scoped',
    path: '/scoped',
    auth: 'any',
    scope: 'paint',
    scopeVia: { desk: ['write'] },
  }),
  route({ ...get, operation: 'get_admin', path: '/admin', auth: 'any', scope: 'admin', role: 'admin' }),
  route({ ...get, operation: 'get_inner', path: '/inner', auth: 'service' }),
  route({
    ...get,
    operation: 'get_address',
    path: '/address',
    auth: 'none',
    handler: ({ address }) => ({ at: address() }),
  }),
]

const ann: Person = { kind: 'user', subject: 'ann', workspaceId: 'ann', roles: ['user'] }
const key = (...scopes: string[]): Person => ({ ...ann, kind: 'key', keyId: 'k', scopes })
const CALLERS: Record<string, Caller> = {
  person: ann,
  admin: { ...ann, roles: ['user', 'admin'] },
  painter: key('paint'),
  writer: key('write'),
  'writer at the desk': { ...key('write'), via: 'desk' },
  'writer elsewhere': { ...key('write'), via: 'shop' },
  'reader at the desk': { ...key('read'), via: 'desk' },
  'key for admin': key('admin'),
  'admin’s key for admin': { ...key('admin'), roles: ['admin'] },
  'admin’s key': { ...key('paint'), roles: ['admin'] },
  service: { kind: 'service', service: 'desk' },
}

let server: Server
let url: string
beforeAll(async () => {
  const app = createHttpApp({
    service: 'test',
    version: '1',
    log,
    metrics: createMetrics('test'),
    authenticate: ({ 'x-name': name = '' }) => CALLERS[decodeURIComponent(name)],
    trustedProxies: parseTrustedProxies(['127.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8']),
    routes,
    dependencies: [],
    bodyLimit: 1000,
  })
  server = createServer(app.handler)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => new Promise((done) => server.close(done)))

const ask = async (path: string, name: string) => {
  const answer = await fetch(`${url}${path}`, { headers: { 'x-name': encodeURIComponent(name) } })
  return { status: answer.status, body: (await answer.json()) as { message?: string } }
}

test.each<[string, Record<string, number>]>([
  ['/any', { person: 200, painter: 200, writer: 200, service: 403 }],
  [
    '/scoped',
    {
      person: 200,
      painter: 200,
      writer: 403,
      'writer at the desk': 200,
      'writer elsewhere': 403,
      'reader at the desk': 403,
      service: 200,
    },
  ],
  [
    '/admin',
    { person: 403, admin: 200, 'key for admin': 403, 'admin’s key for admin': 200, 'admin’s key': 403, service: 403 },
  ],
  ['/inner', { person: 403, admin: 403, painter: 403, service: 200 }],
])('%s is for whom its route says [I-044 I-056]', async (path, expected) => {
  for (const [name, status] of Object.entries(expected))
    expect([name, (await ask(path, name)).status]).toEqual([name, status])
})

test('a refusal names what is missing [I-044 I-056]', async () => {
  expect((await ask('/scoped', 'writer')).body.message).toBe("This API key lacks the scope 'paint'")
  expect((await ask('/admin', 'person')).body.message).toBe("This needs the role 'admin'")
  expect((await ask('/any', 'nobody')).status).toBe(401)
})

test.each([
  ['', '127.0.0.1'],
  ['203.0.113.9', '203.0.113.9'],
  ['1.2.3.4, 203.0.113.9', '203.0.113.9'],
  ['1.2.3.4, 203.0.113.9, 10.1.2.3', '203.0.113.9'],
  ['2001:db8::7, fd00::1, ::ffff:10.0.0.1', '2001:db8::7'],
  ['203.0.113.9, nonsense', '127.0.0.1'],
])(
  'X-Forwarded-For "%s" comes from %s: only what trusted proxies vouch for counts [I-051 P-060]',
  async (forwarded, address) => {
    const answer = await fetch(`${url}/address`, { headers: forwarded ? { 'x-forwarded-for': forwarded } : {} })
    expect(await answer.json()).toEqual({ at: address })
  },
)

test('addresses of one household are one', () => {
  expect(networkOf('203.0.113.9')).toBe('203.0.113.9')
  expect(networkOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64')
  expect(networkOf('2001:db8::1')).toBe(networkOf('2001:0db8:0:0:ffff::2'))
  expect(networkOf('::1')).toBe('0:0:0:0::/64')
  expect(() => parseTrustedProxies(['10.0.0.0/33'])).toThrow("'10.0.0.0/33'")
  expect(() => parseTrustedProxies(['gateway'])).toThrow("'gateway'")
})
