import { once } from 'node:events'
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { call, startService, type TestService } from './start.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.close())

const LIST = { jsonrpc: '2.0', id: 1, method: 'tools/list' }

describe('who may call', () => {
  const METADATA = 'resource_metadata="http://localhost:8000/.well-known/oauth-protected-resource/v1/mcp"'

  test.each([
    ['no token', ''],
    ['a wrong token', 'Bearer nonsense'],
  ])('%s is 401 and says where to sign in [H-98 P-019 B-004]', async (_what, authorization) => {
    const response = await service.post(LIST, { authorization })
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer /)
    expect(response.headers.get('www-authenticate')).toContain(METADATA)
    expect(await response.json()).toMatchObject({ message: expect.any(String), error: { message: expect.any(String) } })
  })

  test.each(['/mcp', '/mcp/', '/mcp/sse'])('at %s of the gateway 401 names that address [B-088]', async (path) => {
    const short = '/.well-known/oauth-protected-resource/mcp'
    for (const authorization of ['', 'Bearer nonsense', 'Bearer sk_nonsense']) {
      const response = await service.post(LIST, { authorization, 'x-forwarded-path': path })
      expect([response.status, response.headers.get('www-authenticate')]).toEqual([
        401,
        expect.stringMatching(new RegExp(`^Bearer .*resource_metadata="http://localhost:8000${short}"$`)),
      ])
    }
    expect((await service.post(LIST, { 'x-forwarded-path': path })).status).toBe(200)
    expect(await (await fetch(service.url + short)).json()).toMatchObject({ resource: 'http://localhost:8000/mcp' })
  })

  test('expired, foreign and wrongly addressed tokens are 401, forged identity headers are nothing [H-98 H-99]', async () => {
    for (const claims of [{ exp: 1 }, { aud: 'other' }, { iss: 'http://evil.test' }])
      expect((await service.post(LIST, await service.issuer.bearer('ada', claims))).status).toBe(401)
    expect((await service.post(LIST, { authorization: '', 'x-user-id': 'ada' })).status).toBe(401)
  })

  test('guests, keys of services and people acted for may call [H-37]', async () => {
    const guest = await service.issuer.bearer('gus', { realm_access: { roles: ['guest'] } })
    const whoami = async (headers: Record<string, string>) =>
      ((await (await service.post(call('whoami'), headers)).json()) as { result: { structuredContent: object } }).result
        .structuredContent
    expect(await whoami(guest)).toEqual({ said: 'gus' })
    const token = await service.internal.mint('mcp-tools', { kind: 'service', service: 'response-api' })
    expect(await whoami({ authorization: `Bearer ${token}` })).toEqual({ said: 'response-api' })
  })

  test.each([['http://evil.test'], ['null'], ['http://localhost.evil.test:8000']])(
    'Origin %s is 403 [B-005]',
    async (origin) => {
      const response = await service.post(LIST, { origin })
      expect([response.status, await response.json()]).toMatchObject([403, { error: { code: -32000 } }])
    },
  )

  test.each([['http://localhost:3000'], ['http://127.0.0.1:5173'], ['http://[::1]:8088']])(
    'Origin %s is served',
    async (origin) => {
      expect((await service.post(LIST, { origin })).status).toBe(200)
    },
  )

  test('a foreign Host is 403 [B-005]', async () => {
    const headers = { host: 'evil.test', authorization: service.authorization, 'content-type': 'application/json' }
    const sent = request(service.mcpUrl, { method: 'POST', headers }).end(JSON.stringify(LIST))
    const [response] = await once(sent, 'response')
    response.resume()
    expect(response.statusCode).toBe(403)
  })

  test.each([['/.well-known/oauth-protected-resource'], ['/.well-known/oauth-protected-resource/v1/mcp']])(
    '%s is open [B-004]',
    async (path) => {
      const response = await fetch(service.url + path)
      expect(await response.json()).toMatchObject({
        resource: 'http://localhost:8000/v1/mcp',
        authorization_servers: [service.issuer.issuer],
        bearer_methods_supported: ['header'],
      })
    },
  )

  test('the list of tools is open [P-011]', async () => {
    const response = await fetch(`${service.url}/v1/mcp/tools`)
    const { tools } = (await response.json()) as { tools: { name: string }[] }
    expect(tools.map(({ name }) => name)).toEqual(expect.arrayContaining(['google_search', 'python_exec', 'scrape']))
  })
})
