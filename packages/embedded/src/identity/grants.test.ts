import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { decodeProtectedHeader } from 'jose'
import { call, ISSUER, ofOurs, PASSWORD, SECRET, startIdentity, type TestIdentity } from './identity.fixture.ts'

let identity: TestIdentity
let ann: string

beforeAll(async () => {
  identity = await startIdentity()
  await identity.createUser({ username: 'mallory' })
  ann = await identity.createUser({ username: 'Ann', email: 'Ann@Example.com', firstName: 'Ann', lastName: 'Bee' })
})
afterAll(() => identity.end())

const scopeOf = (scope: unknown) => String(scope).split(' ').sort()
/** What reaches into our own database, or is Keycloak's only after a second. */

const error = (status: number, name: string, description: string) => ({
  status,
  body: { error: name, error_description: description },
})

describe('password grant [I-010]', () => {
  test('gives a token that verifies, with the claims of a Keycloak token [H-68 P-013]', async () => {
    const { status, body } = await identity.login('ann')
    expect(status).toBe(200)
    expect(body).toMatchObject({
      expires_in: 3600,
      refresh_expires_in: 2_592_000,
      token_type: 'Bearer',
      'not-before-policy': 0,
    })
    expect(scopeOf(body.scope)).toEqual(['email', 'profile'])
    expect(body).not.toHaveProperty('id_token')
    const claims = await identity.verify(body.access_token)
    expect(claims).toMatchObject({
      iss: ISSUER,
      sub: ann,
      typ: 'Bearer',
      azp: 'jan-client',
      aud: ['jan', 'jan-client'],
      sid: body.session_state,
      acr: '1',
      email_verified: false,
      email: 'ann@example.com',
      preferred_username: 'ann',
      name: 'Ann Bee',
      given_name: 'Ann',
      family_name: 'Bee',
    })
    expect(claims.exp - claims.iat).toBe(3600)
    expect(claims.jti).toEqual(expect.any(String))
    expect(decodeProtectedHeader(body.access_token)).toEqual({ alg: 'RS256', typ: 'JWT', kid: expect.any(String) })
  })

  test('someone without a role of ours has no realm_access and no guest claim [I-005]', async () => {
    const claims = await identity.verify((await identity.login('ann')).body.access_token)
    expect(claims).not.toHaveProperty('realm_access')
    expect(claims).not.toHaveProperty('guest')
  })

  test('the e-mail logs in too, in any case', async () => {
    expect((await identity.login('ANN@example.COM')).status).toBe(200)
  })

  test('an id token comes with scope openid, for the client', async () => {
    const { body } = await identity.login('ann', { scope: 'openid' })
    expect(await identity.verify(body.id_token)).toMatchObject({
      typ: 'ID',
      aud: 'jan-client',
      sub: ann,
      sid: body.session_state,
    })
    expect(scopeOf(body.scope)).toEqual(['email', 'openid', 'profile'])
  })

  test('a public client may send a stray secret', async () => {
    expect((await identity.login('ann', { client_secret: 'stray' })).status).toBe(200)
  })

  test.each([
    ['a wrong password', { password: 'wrong' }, error(400, 'invalid_grant', 'Invalid user credentials')],
    ['no password', { password: '' }, error(400, 'invalid_grant', 'Invalid user credentials')],
    ['nobody by that name', { username: 'nobody' }, error(400, 'invalid_grant', 'Invalid user credentials')],
    [
      'a service account',
      { username: 'service-account-backend' },
      error(400, 'invalid_grant', 'Invalid user credentials'),
    ],
    ['an unknown scope', { scope: 'openid zzz' }, error(400, 'invalid_scope', 'Invalid scopes: openid zzz')],
    [
      'an unknown client',
      { client_id: 'zzz' },
      error(401, 'invalid_client', 'Invalid client or Invalid client credentials'),
    ],
    ['no client', { client_id: '' }, error(401, 'invalid_client', 'Invalid client or Invalid client credentials')],
    [
      'a client without the grant',
      { client_id: 'jan-mcp' },
      error(400, 'unauthorized_client', 'Client not allowed for direct access grants'),
    ],
    ['an unknown grant', { grant_type: 'zzz' }, error(400, 'unsupported_grant_type', 'Unsupported grant_type')],
  ])('refuses %s', async (_, form, answer) => {
    expect(await identity.login('mallory', form)).toMatchObject(answer)
  })

  test('refuses a missing username, a repeated parameter and a JSON body', async () => {
    const form = { grant_type: 'password', client_id: 'jan-client', password: PASSWORD }
    expect(await identity.token(form)).toMatchObject(error(401, 'invalid_request', 'Missing parameter: username'))
    const twice = await fetch(`${identity.openid}/token`, {
      method: 'POST',
      body: new URLSearchParams('grant_type=password&client_id=jan-client&username=a&username=b'),
    })
    expect(await twice.json()).toEqual({ error: 'invalid_request', error_description: 'duplicated parameter' })
    expect(await call(`${identity.openid}/token`, { json: { ...form, username: 'ann' } })).toMatchObject(
      error(400, 'invalid_request', 'Missing form parameter: grant_type'),
    )
  })

  test('a browser is served from a registered origin only', async () => {
    const form = { grant_type: 'password', client_id: 'jan-client', username: 'ann', password: PASSWORD }
    const from = (origin: string) => call(`${identity.openid}/token`, { form, headers: { origin } })
    const known = await from('http://localhost:8000')
    expect([known.status, known.headers.get('access-control-allow-origin')]).toEqual([200, 'http://localhost:8000'])
    expect(await from('https://evil.example')).toMatchObject({ status: 403, body: { error: 'Invalid origin' } })
  })

  test('refuses disabled people and unfinished accounts, but only to those who know the password', async () => {
    const id = await identity.createUser({ username: 'halted' })
    await identity.admin(`/users/${id}`, { method: 'PUT', json: { enabled: false } })
    expect(await identity.login('halted')).toMatchObject(error(400, 'invalid_grant', 'Account disabled'))
    expect(await identity.login('halted', { password: 'x' })).toMatchObject(
      error(400, 'invalid_grant', 'Invalid user credentials'),
    )
    await identity.admin(`/users/${id}`, { method: 'PUT', json: { enabled: true, requiredActions: ['VERIFY_EMAIL'] } })
    expect(await identity.login('halted')).toMatchObject(error(400, 'invalid_grant', 'Account is not fully set up'))
  })
})

describe('client credentials [H-68]', () => {
  const form = { grant_type: 'client_credentials', client_id: 'backend', client_secret: SECRET }

  test('gives the service account a token that may manage users, and no session', async () => {
    const { status, body } = await identity.token(form)
    expect(status).toBe(200)
    expect(body).toMatchObject({ expires_in: 300, refresh_expires_in: 0 })
    expect(body).not.toHaveProperty('refresh_token')
    const claims = await identity.verify(body.access_token)
    expect(claims).toMatchObject({
      aud: ['jan', 'jan-client', 'realm-management'],
      azp: 'backend',
      preferred_username: 'service-account-backend',
      resource_access: { 'realm-management': { roles: ['manage-users'] } },
    })
    expect(claims).not.toHaveProperty('sid')
  })

  test('takes the secret by Basic too', async () => {
    const authorization = `Basic ${Buffer.from(`backend:${SECRET}`).toString('base64')}`
    const answer = await call(`${identity.openid}/token`, {
      form: { grant_type: 'client_credentials' },
      headers: { authorization },
    })
    expect(answer.status).toBe(200)
  })

  test.each([
    ['a wrong secret', { client_secret: 'x' }, 'Invalid client or Invalid client credentials'],
    ['no secret', { client_secret: '' }, 'Invalid client or Invalid client credentials'],
    ['a public client', { client_id: 'jan-client' }, 'Public client not allowed to retrieve service account'],
  ])('refuses %s', async (_, change, description) => {
    expect(await identity.token({ ...form, ...change })).toMatchObject(error(401, 'unauthorized_client', description))
  })
})

describe('refresh [H-68 I-010]', () => {
  const refused = (description: string) => error(400, 'invalid_grant', description)

  test('rotates within the session', async () => {
    const first = (await identity.login('ann', { scope: 'openid' })).body
    const { status, body } = await identity.refresh(first.refresh_token)
    expect(status).toBe(200)
    expect(body.refresh_token).not.toBe(first.refresh_token)
    expect(body).toMatchObject({
      session_state: first.session_state,
      id_token: expect.any(String),
    })
    expect(scopeOf(body.scope)).toEqual(['email', 'openid', 'profile'])
    expect((await identity.refresh(body.refresh_token)).status).toBe(200)
  })

  test('tolerates one repeat; one more ends the session for every token of it, and only that session', async () => {
    const other = (await identity.login('ann', { scope: 'openid' })).body
    const first = (await identity.login('ann', { scope: 'openid' })).body
    expect((await identity.refresh(first.refresh_token)).status).toBe(200)
    const newest = (await identity.refresh(first.refresh_token)).body
    expect(await identity.refresh(first.refresh_token)).toMatchObject(
      refused('Maximum allowed refresh token reuse exceeded'),
    )
    expect(await identity.refresh(newest.refresh_token)).toMatchObject(refused("Session doesn't have required client"))
    expect((await identity.userinfo(newest.access_token)).status).toBe(401)
    expect((await identity.userinfo(other.access_token)).status).toBe(200)
    expect((await identity.refresh(other.refresh_token)).status).toBe(200)
  })

  ofOurs('an old token that comes back later ends the session', async () => {
    const first = (await identity.login('ann')).body
    const second = (await identity.refresh(first.refresh_token)).body
    expect((await identity.refresh(second.refresh_token)).status).toBe(200)
    expect((await identity.refresh(first.refresh_token)).status).toBe(400)
    expect((await identity.refresh(second.refresh_token)).status).toBe(400)
  })

  test('two at once are both served, of more than that the session does not survive', async () => {
    const first = (await identity.login('ann')).body
    const two = await Promise.all([identity.refresh(first.refresh_token), identity.refresh(first.refresh_token)])
    expect(two.map(({ status }) => status)).toEqual([200, 200])

    const second = (await identity.login('ann')).body
    const five = await Promise.all(Array.from({ length: 5 }, () => identity.refresh(second.refresh_token)))
    expect(five.filter(({ status }) => status === 200)).toHaveLength(2)
    const winner = five.find(({ status }) => status === 200)
    expect((await identity.refresh(winner?.body.refresh_token ?? '')).status).toBe(400)
  })

  test('refuses what is no refresh token, or another client’s, which is not spent by it', async () => {
    const { body } = await identity.login('ann')
    expect(await identity.refresh('garbage')).toMatchObject(refused('Invalid refresh token'))
    expect(await identity.refresh(body.access_token)).toMatchObject(refused('Invalid refresh token'))
    expect(await identity.refresh('')).toMatchObject(refused('Invalid refresh token'))
    expect(await identity.token({ grant_type: 'refresh_token', client_id: 'jan-client' })).toMatchObject(
      error(400, 'invalid_request', 'No refresh token'),
    )
    const mismatch = refused("Invalid refresh token. Token client and authorized client don't match")
    expect(await identity.refresh(body.refresh_token, { client_id: 'jan-mcp' })).toMatchObject(mismatch)
    expect((await identity.refresh(body.refresh_token)).status).toBe(200)
  })

  test('refuses a disabled or deleted person', async () => {
    const id = await identity.createUser({ username: 'leaving' })
    const { body } = await identity.login('leaving')
    await identity.admin(`/users/${id}`, { method: 'PUT', json: { enabled: false } })
    expect(await identity.refresh(body.refresh_token)).toMatchObject(refused('User disabled'))
    await identity.admin(`/users/${id}`, { method: 'DELETE' })
    expect(await identity.refresh(body.refresh_token)).toMatchObject(refused('Session not active'))
  })

  ofOurs('refuses an expired one', async () => {
    const old = (await identity.login('ann')).body
    await identity.database.query(
      `UPDATE identity_record SET payload = payload || jsonb_build_object('exp', 1) WHERE payload->>'grantId' = $1`,
      [old.session_state],
    )
    expect(await identity.refresh(old.refresh_token)).toMatchObject(refused('Token is not active'))
  })

  test('new roles show in the next access token', async () => {
    const id = await identity.createUser({ username: 'rising' })
    const { body } = await identity.login('rising')
    const available = await identity.list(`/users/${id}/role-mappings/realm/available`)
    const role = available.find(({ name }) => name === 'user')
    await identity.admin(`/users/${id}/role-mappings/realm`, { json: [role] })
    const claims = await identity.verify((await identity.refresh(body.refresh_token)).body.access_token)
    expect(claims.realm_access).toEqual({ roles: ['user'] })
  })

  ofOurs('no access token outlives the session [P-013]', async () => {
    const { body } = await identity.login('ann')
    await identity.database.query(
      `UPDATE identity_record SET payload = payload || jsonb_build_object('exp', $2::int) WHERE model = 'Grant' AND id = $1`,
      [body.session_state, Math.floor(Date.now() / 1000) + 60],
    )
    const answer = (await identity.refresh(body.refresh_token)).body
    expect(answer.expires_in).toBeLessThanOrEqual(60)
    expect(answer.refresh_expires_in).toBeLessThanOrEqual(60)
  })
})
