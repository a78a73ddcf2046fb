import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { call, type Entry, ISSUER, PASSWORD, startIdentity, type TestIdentity } from './identity.fixture.ts'

let identity: TestIdentity

beforeAll(async () => {
  identity = await startIdentity()
  await identity.createUser({ username: 'Una', email: 'Una@Example.com', firstName: 'Una', lastName: 'Bee' })
})
afterAll(() => identity.end())

const error = (status: number, name: string, description: string) => ({
  status,
  body: { error: name, error_description: description },
})

describe('what the realm publishes [H-68 I-010]', () => {
  test('discovery names the fixed issuer and only what is served, whatever Host was called', async () => {
    const { status, body } = await call(`${identity.url}/realms/jan/.well-known/openid-configuration`)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      issuer: ISSUER,
      jwks_uri: `${ISSUER}/protocol/openid-connect/certs`,
      token_endpoint: `${ISSUER}/protocol/openid-connect/token`,
      userinfo_endpoint: `${ISSUER}/protocol/openid-connect/userinfo`,
      revocation_endpoint: `${ISSUER}/protocol/openid-connect/revoke`,
      authorization_endpoint: `${ISSUER}/protocol/openid-connect/auth`,
      end_session_endpoint: `${ISSUER}/protocol/openid-connect/logout`,
      grant_types_supported: expect.arrayContaining(['authorization_code', 'password', 'refresh_token']),
      code_challenge_methods_supported: expect.arrayContaining(['S256']),
      authorization_response_iss_parameter_supported: true,
    })
    expect(JSON.stringify(body)).not.toContain('127.0.0.1')
  })

  test('the key set holds a signing and an encryption key, and nothing private', async () => {
    const { body, headers } = await call(`${identity.openid}/certs`)
    const keys = body.keys as Entry[]
    expect(keys.map((key) => [key.use, key.alg]).sort()).toEqual([
      ['enc', 'RSA-OAEP'],
      ['sig', 'RS256'],
    ])
    expect(keys.some((key) => 'd' in key || 'p' in key)).toBe(false)
    expect(headers.get('cache-control')).toBe('no-cache')
  })

  test('the realm tells its public key', async () => {
    const { body } = await call(`${identity.url}/realms/jan`)
    expect(body).toMatchObject({ realm: 'jan', 'token-service': `${ISSUER}/protocol/openid-connect` })
    expect(body.public_key).toMatch(/^MIIBIjAN/)
  })

  test.each([
    ['GET', '/realms/jan/protocol/openid-connect/token', 405, 'HTTP 405 Method Not Allowed'],
    ['DELETE', '/realms/jan', 405, 'HTTP 405 Method Not Allowed'],
    ['GET', '/realms/jan/protocol/openid-connect/nothing', 404, 'HTTP 404 Not Found'],
    ['GET', '/realms/other/protocol/openid-connect/certs', 404, 'Realm does not exist'],
    ['GET', '/nothing', 404, 'Unable to find matching target resource method'],
  ])('%s %s is %i', async (method, path, status, text) => {
    expect(await call(identity.url + path, { method })).toMatchObject({ status, body: { error: text } })
  })
})

describe('ending [I-010]', () => {
  const end = (path: string, form: Record<string, string>) => call(`${identity.openid}/${path}`, { form })

  test('logout ends the session, again too', async () => {
    const { body } = await identity.login('una', { scope: 'openid' })
    const form = { client_id: 'jan-client', refresh_token: body.refresh_token }
    expect((await end('logout', form)).status).toBe(204)
    expect((await end('logout', form)).status).toBe(204)
    expect(await identity.refresh(body.refresh_token)).toMatchObject(error(400, 'invalid_grant', 'Session not active'))
    expect((await identity.userinfo(body.access_token)).headers.get('www-authenticate')).toContain('invalid_token')
    const others = ['garbage', (await identity.login('ada')).body.access_token]
    for (const refresh_token of others) {
      const refused = await end('logout', { client_id: 'jan-client', refresh_token })
      expect([refused.status, refused.body.error]).toEqual([400, 'invalid_grant'])
    }
  })

  test('revoking a refresh token ends its session; a second time is 200 with a body', async () => {
    const { body } = await identity.login('una')
    const form = { client_id: 'jan-client', token: body.refresh_token }
    expect(await end('revoke', form)).toMatchObject({ status: 200, text: '' })
    expect(await end('revoke', form)).toMatchObject(error(200, 'invalid_token', 'Invalid token'))
    expect(await identity.refresh(body.refresh_token)).toMatchObject(error(400, 'invalid_grant', 'Session not active'))
    expect(await end('revoke', { client_id: 'jan-client' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_request' },
    })
  })

  test('revoking an access token ends that token only; another client may not', async () => {
    const { body } = await identity.login('una', { scope: 'openid' })
    const form = { client_id: 'jan-client', token: body.access_token }
    expect(await end('revoke', { ...form, client_id: 'jan-mcp' })).toMatchObject(
      error(400, 'invalid_request', 'Unmatching clients'),
    )
    expect((await end('revoke', form)).status).toBe(200)
    expect((await identity.userinfo(body.access_token)).status).toBe(401)
    expect((await identity.refresh(body.refresh_token)).status).toBe(200)
  })
})

describe('userinfo [I-010]', () => {
  test('answers from today’s data', async () => {
    const id = await identity.createUser({ username: 'changing', attributes: { pid: ['p1'] } })
    const { body } = await identity.login('changing', { scope: 'openid' })
    await identity.admin(`/users/${id}`, { method: 'PUT', json: { firstName: 'New' } })
    const info = await identity.userinfo(body.access_token)
    expect(info.body).toEqual({
      sub: id,
      email_verified: false,
      preferred_username: 'changing',
      name: 'New',
      given_name: 'New',
      pid: 'p1',
    })
  })

  test('refuses with a header and no body', async () => {
    const { body } = await identity.login('una')
    const cases: [string | undefined, number, string][] = [
      [undefined, 401, 'Bearer realm="jan"'],
      ['x.y.z', 401, 'Bearer realm="jan", error="invalid_token"'],
      [body.refresh_token, 401, 'error="invalid_token"'],
      [body.access_token, 403, 'Bearer realm="jan", error="insufficient_scope"'],
    ]
    for (const [token, status, header] of cases) {
      const answer = await identity.userinfo(token)
      expect([answer.status, answer.text]).toEqual([status, ''])
      expect(answer.headers.get('www-authenticate')).toContain(header)
    }
  })
})

describe('realm master [I-011]', () => {
  const url = () => `${identity.url}/realms/master/protocol/openid-connect/token`
  const form = { grant_type: 'password', client_id: 'admin-cli', username: 'admin', password: 'master-password' }

  test('gives its administrator a short token that the admin API takes', async () => {
    const { status, body } = await call(url(), { form })
    expect(status).toBe(200)
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 60 })
    expect((await identity.admin('/users/count', { token: body.access_token })).status).toBe(200)
    expect((await identity.userinfo(body.access_token)).status).toBe(401)
  })

  test('serves nobody and nothing else', async () => {
    expect(await call(url(), { form: { ...form, password: 'wrong' } })).toMatchObject(
      error(400, 'invalid_grant', 'Invalid user credentials'),
    )
    expect((await call(url(), { form: { ...form, username: 'una', password: PASSWORD } })).status).toBe(400)
    expect((await call(url(), { form: { ...form, client_id: 'jan-client' } })).status).toBe(401)
    expect((await call(url())).status).toBe(405)
  })
})
