import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { BASE_URL, call, ofOurs, PASSWORD, SECRET, startIdentity, type TestIdentity } from './identity.fixture.ts'

let identity: TestIdentity
beforeAll(async () => {
  identity = await startIdentity()
})
afterAll(() => identity.end())

const post = (json: unknown) => identity.admin('/users', { method: 'POST', json })
const put = (id: string, json: unknown) => identity.admin(`/users/${id}`, { method: 'PUT', json })
const get = async (id: string) => (await identity.admin(`/users/${id}`)).body

test('the service account creates a guest in one call, who then logs in as one', async () => {
  const credentials = [{ type: 'password', value: PASSWORD, temporary: false }]
  const guest = {
    username: 'guest-1',
    email: 'guest-1@temp.jan.ai',
    enabled: true,
    attributes: { guest: ['true'] },
    groups: ['/guests'],
    credentials,
  }
  const created = await post(guest)
  expect([created.status, created.text]).toEqual([201, ''])
  const id = String(created.headers.get('location')).split('/').at(-1)
  const claims = await identity.verify((await identity.login('guest-1')).body.access_token)
  expect(claims).toMatchObject({ sub: id, guest: 'true', realm_access: { roles: ['guest'] } })
})

test('a guest becomes a user of the same subject, and the refreshed token says so', async () => {
  const id = await identity.createUser({ username: 'guest-2', attributes: { guest: ['true'] }, groups: ['/guests'] })
  const { body } = await identity.login('guest-2')
  const user = await get(id)
  expect(
    (await put(id, { ...user, email: 'Real@Example.com', firstName: 'Real', attributes: { guest: ['false'] } })).status,
  ).toBe(204)
  expect(
    (
      await identity.admin(`/users/${id}/reset-password`, {
        method: 'PUT',
        json: { type: 'password', value: 'another-password', temporary: false },
      })
    ).status,
  ).toBe(204)
  const roles = await identity.list(`/users/${id}/role-mappings/realm/available`)
  await identity.admin(`/users/${id}/role-mappings/realm`, {
    json: roles.filter(({ name }) => name === 'user'),
  })
  const [guests] = await identity.list(`/users/${id}/groups`)
  expect((await identity.admin(`/users/${id}/groups/${guests?.id}`, { method: 'DELETE' })).status).toBe(204)
  const claims = await identity.verify((await identity.refresh(body.refresh_token)).body.access_token)
  expect(claims).toMatchObject({
    sub: id,
    email: 'real@example.com',
    name: 'Real',
    guest: 'false',
    realm_access: { roles: ['user'] },
  })
  expect((await identity.login('real@example.com', { password: 'another-password' })).status).toBe(200)
})

describe('who may [H-70 I-017]', () => {
  test('nobody without a valid token', async () => {
    for (const headers of [{}, { authorization: 'Bearer x.y.z' }, { authorization: 'Basic YTpi' }] as Record<
      string,
      string
    >[]) {
      for (const path of ['/realms/jan/users', '/realms/jan/nothing', '/realms/other/users']) {
        const answer = await call(`${identity.url}/admin${path}`, { headers })
        expect(answer).toMatchObject({ status: 401, body: { error: 'HTTP 401 Unauthorized' } })
      }
    }
  })

  test('a person’s token is known but may do nothing, whatever roles they have', async () => {
    const id = await identity.createUser({ username: 'mighty' })
    const available = await identity.list(`/users/${id}/role-mappings/realm/available`)
    await identity.admin(`/users/${id}/role-mappings/realm`, { json: available })
    const token = (await identity.login('mighty', { scope: 'openid' })).body.access_token
    expect((await identity.verify(token)).realm_access?.roles.sort()).toEqual(['admin', 'guest', 'user'])
    const attempts: [string, string, unknown?][] = [
      ['GET', '/users'],
      ['POST', '/users', { username: 'x' }],
      ['GET', '/users/count'],
      ['GET', `/users/${id}`],
      ['PUT', `/users/${id}`, {}],
      ['DELETE', `/users/${id}`],
      ['PUT', `/users/${id}/reset-password`, { value: PASSWORD }],
      ['POST', `/users/${id}/logout`],
      ['GET', `/users/${id}/role-mappings/realm`],
      ['POST', `/users/${id}/role-mappings/realm`, []],
      ['DELETE', `/users/${id}/role-mappings/realm`, []],
      ['GET', `/users/${id}/role-mappings/realm/available`],
      ['GET', `/users/${id}/groups`],
      ['PUT', `/users/${id}/groups/x`],
      ['DELETE', `/users/${id}/groups/x`],
      ['GET', '/groups'],
      ['GET', '/users/nobody'],
    ]
    for (const [method, path, json] of attempts) {
      expect(await identity.admin(path, { method, json, token })).toMatchObject({
        status: 403,
        body: { error: 'HTTP 403 Forbidden' },
      })
    }
    await put(id, { enabled: false })
    expect((await identity.admin('/users', { token })).status).toBe(401)
  })

  test('unknown realms, paths and methods', async () => {
    const token = (
      await identity.token({ grant_type: 'client_credentials', client_id: 'backend', client_secret: SECRET })
    ).body.access_token
    expect(await call(`${identity.url}/admin/realms/other/users`, { token })).toMatchObject({
      status: 404,
      body: { error: 'Realm not found.' },
    })
    expect(await identity.admin('/nothing')).toMatchObject({ status: 404, body: { error: 'HTTP 404 Not Found' } })
    expect(await identity.admin('/users', { method: 'DELETE' })).toMatchObject({
      status: 405,
      body: { error: 'HTTP 405 Method Not Allowed' },
    })
  })
})

describe('bad input', () => {
  test.each([
    ['no username', { email: 'a@b.co' }, 400, { errorMessage: 'User name is missing' }],
    [
      'a malformed e-mail',
      { username: 'bad1', email: 'nope' },
      400,
      { field: 'email', errorMessage: 'error-invalid-email', params: ['email', 'nope'] },
    ],
    [
      'a short username',
      { username: 'a' },
      400,
      { field: 'username', errorMessage: 'error-invalid-length', params: ['username', 3, 255] },
    ],
    [
      'a bad character in the username',
      { username: 'a<b>c' },
      400,
      { field: 'username', errorMessage: 'error-username-invalid-character', params: ['username'] },
    ],
    [
      'markup in a name',
      { username: 'bad2', firstName: '<b>' },
      400,
      { field: 'firstName', errorMessage: 'error-person-name-invalid-character', params: ['firstName'] },
    ],
    [
      'a long name',
      { username: 'bad3', lastName: 'x'.repeat(256) },
      400,
      { field: 'lastName', errorMessage: 'error-invalid-length-too-long', params: ['lastName', null, 255] },
    ],
    [
      'an unknown guest value',
      { username: 'bad4', attributes: { guest: ['maybe'] } },
      400,
      { field: 'guest', errorMessage: 'error-invalid-value', params: ['guest'] },
    ],
    [
      'two problems',
      { username: 'a', email: 'nope' },
      400,
      { errors: [expect.objectContaining({ field: 'username' }), expect.objectContaining({ field: 'email' })] },
    ],
    [
      'an unknown field',
      { username: 'bad5', zzz: 1 },
      400,
      {
        error: expect.stringContaining('Invalid json representation for UserRepresentation. Unrecognized field "zzz"'),
      },
    ],
    [
      'a field of the wrong type',
      { username: {} },
      400,
      { error: 'unknown_error', error_description: 'Cannot parse the JSON' },
    ],
    ['an array', [], 400, { error: 'unknown_error', error_description: 'Cannot parse the JSON' }],
    [
      'an unknown group',
      { username: 'bad6', groups: ['/zzz'] },
      500,
      { error: 'unknown_error', error_description: expect.any(String) },
    ],
    [
      'a short password',
      { username: 'bad7', credentials: [{ type: 'password', value: 'short' }] },
      400,
      { error: 'invalidPasswordMinLengthMessage', error_description: 'Invalid password: minimum length 8.' },
    ],
    [
      'the username as password',
      { username: 'bad8-long', credentials: [{ type: 'password', value: 'BAD8-long' }] },
      400,
      {
        error: 'invalidPasswordNotUsernameMessage',
        error_description: 'Invalid password: must not be equal to the username.',
      },
    ],
    [
      'the e-mail as password',
      { username: 'bad9', email: 'bad9@b.co', credentials: [{ type: 'password', value: 'bad9@b.co' }] },
      400,
      {
        error: 'invalidPasswordNotEmailMessage',
        error_description: 'Invalid password: must not be equal to the email.',
      },
    ],
  ])('%s creates nothing', async (_, json, status, body) => {
    const answer = await post(json)
    expect([answer.status, answer.body]).toEqual([status, body])
    expect((await identity.admin('/users?username=bad')).body).toEqual([])
  })

  test('malformed JSON', async () => {
    const answer = await identity.admin('/users', { method: 'POST', raw: '{"a":' })
    expect(answer).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', error_description: 'Cannot parse the JSON' },
    })
  })

  test('taken names and addresses, in any case, also at a change and at the same moment', async () => {
    const id = await identity.createUser({ username: 'first', email: 'first@b.co' })
    await identity.createUser({ username: 'second', email: 'second@b.co' })
    const sameName = { status: 409, body: { errorMessage: 'User exists with same username' } }
    const sameEmail = { status: 409, body: { errorMessage: 'User exists with same email' } }
    expect(await post({ username: 'SECOND' })).toMatchObject(sameName)
    expect(await post({ username: 'second@b.co' })).toMatchObject(sameName)
    expect(await post({ username: 'third', email: 'Second@B.co' })).toMatchObject(sameEmail)
    expect(await post({ username: 'c@d.co' })).toMatchObject({ status: 201 })
    expect(await post({ username: 'fifth', email: 'C@d.co' })).toMatchObject(sameEmail)
    expect(await put(id, { username: 'second' })).toMatchObject(sameName)
    expect(await put(id, { email: 'second@b.co' })).toMatchObject(sameEmail)
    const race = await Promise.all(Array.from({ length: 4 }, () => post({ username: 'racer' })))
    expect(race.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409])
  })

  test('nobody by that id', async () => {
    const missing = { status: 404, body: { error: 'User not found' } }
    for (const id of ['nobody', '11111111-1111-4111-8111-111111111111']) {
      expect(await identity.admin(`/users/${id}`)).toMatchObject(missing)
      expect(await put(id, {})).toMatchObject(missing)
      expect(await identity.admin(`/users/${id}`, { method: 'DELETE' })).toMatchObject(missing)
      expect(
        await identity.admin(`/users/${id}/reset-password`, { method: 'PUT', json: { value: PASSWORD } }),
      ).toMatchObject(missing)
      expect(await identity.admin(`/users/${id}/groups`)).toMatchObject(missing)
    }
  })
})

describe('changing a user [I-018]', () => {
  const person = {
    username: 'person',
    email: 'Person@B.co',
    firstName: 'Per',
    lastName: 'Son',
    attributes: { pid: ['p1'], free: ['x', 'y'] },
  }
  let id: string
  beforeAll(async () => {
    id = await identity.createUser(person)
  })

  test('shows what was given, with names and e-mail in lower case', async () => {
    expect(await get(id)).toMatchObject({
      ...person,
      id,
      email: 'person@b.co',
      enabled: true,
      emailVerified: false,
      requiredActions: [],
      notBefore: 0,
    })
  })

  test('a body without attributes changes only its fields; an empty text clears one', async () => {
    const before = await get(id)
    expect((await put(id, { emailVerified: true, requiredActions: [], lastName: '' })).status).toBe(204)
    const { lastName: _, ...rest } = before
    expect(await get(id)).toEqual({ ...rest, emailVerified: true })
  })

  test('a body with attributes replaces the whole profile', async () => {
    expect(await put(id, { attributes: { a: ['b'] } })).toMatchObject({
      status: 400,
      body: { errorMessage: 'User name is missing' },
    })
    expect((await put(id, { username: 'person', attributes: { a: ['b'] } })).status).toBe(204)
    const user = await get(id)
    expect(user.attributes).toEqual({ a: ['b'] })
    expect(user).not.toHaveProperty('email')
    expect(user).not.toHaveProperty('firstName')
    expect(user.emailVerified).toBe(true)
  })

  test('groups and ids do not change by it', async () => {
    await put(id, { groups: ['/guests'], id: 'other', createdTimestamp: 1 })
    expect(await identity.list(`/users/${id}/groups`)).toEqual([])
    expect((await get(id)).id).toBe(id)
  })

  test('a temporary password cannot log in; the next lasting one can', async () => {
    const reset = (json: unknown) => identity.admin(`/users/${id}/reset-password`, { method: 'PUT', json })
    expect((await reset({ type: 'password', value: PASSWORD, temporary: true })).status).toBe(204)
    expect((await get(id)).requiredActions).toEqual(['UPDATE_PASSWORD'])
    expect((await identity.login('person')).body.error_description).toBe('Account is not fully set up')
    expect((await reset({ type: 'password', value: PASSWORD, temporary: false })).status).toBe(204)
    expect((await identity.login('person')).status).toBe(200)
    expect(await reset({ type: 'password', value: '' })).toMatchObject({
      status: 400,
      body: { error: 'Empty password not allowed' },
    })
    expect(await reset({ type: 'password' })).toMatchObject({ status: 400, body: { error: 'No password provided' } })
    expect((await reset({ type: 'password', value: 'short' })).status).toBe(400)
  })

  test('logout ends every session and voids what came before', async () => {
    const [one, two] = await Promise.all([identity.login('person', { scope: 'openid' }), identity.login('person')])
    expect((await identity.admin(`/users/${id}/logout`, { method: 'POST' })).status).toBe(204)
    expect((await identity.refresh(one.body.refresh_token)).status).toBe(400)
    expect((await identity.refresh(two.body.refresh_token)).status).toBe(400)
    expect((await identity.userinfo(one.body.access_token)).status).toBe(401)
    expect((await identity.login('person')).body['not-before-policy']).toBeGreaterThan(0)
  })
})

describe('roles and groups', () => {
  test('roles are given by id and name together', async () => {
    const id = await identity.createUser({ username: 'roles' })
    const mappings = `/users/${id}/role-mappings/realm`
    const available = await identity.list(`${mappings}/available`)
    const user = available.find(({ name }) => name === 'user')
    expect(user).toMatchObject({
      id: expect.any(String),
      description: 'A registered person',
      composite: false,
      clientRole: false,
    })
    for (const wrong of [[{ name: 'user' }], [{ id: user?.id, name: 'admin' }], [{ id: 'x', name: 'user' }]]) {
      expect(await identity.admin(mappings, { json: wrong })).toMatchObject({
        status: 404,
        body: { error: 'Role not found' },
      })
    }
    for (const _ of [1, 2]) expect((await identity.admin(mappings, { json: [user] })).status).toBe(204)
    const names = async (path: string) => (await identity.list(path)).map(({ name }) => name).sort()
    expect(await names(mappings)).toEqual(['default-roles-jan', 'user'])
    expect(await names(`${mappings}/available`)).not.toContain('user')
    expect((await identity.admin(mappings, { method: 'DELETE', json: [user] })).status).toBe(204)
    expect(await names(mappings)).toEqual(['default-roles-jan'])
  })

  test('the roles of a group are theirs, too', async () => {
    const id = await identity.createUser({ username: 'grouped', groups: ['/guests'] })
    const names = async (path: string) =>
      (await identity.list(`/users/${id}/role-mappings/realm${path}`)).map(({ name }) => name)
    expect(await names('/composite')).toEqual(expect.arrayContaining(['default-roles-jan', 'guest']))
    expect(await names('')).toEqual(['default-roles-jan'])
  })

  test('a group is joined and left, twice without harm', async () => {
    const id = await identity.createUser({ username: 'member' })
    const [group] = await identity.list('/groups')
    expect(group).toMatchObject({ name: 'guests', path: '/guests' })
    const path = `/users/${id}/groups/${group?.id}`
    for (const _ of [1, 2]) expect((await identity.admin(path, { method: 'PUT' })).status).toBe(204)
    expect(await identity.list(`/users/${id}/groups`)).toMatchObject([{ id: group?.id, path: '/guests' }])
    for (const _ of [1, 2]) expect((await identity.admin(path, { method: 'DELETE' })).status).toBe(204)
    expect(await identity.list(`/users/${id}/groups`)).toEqual([])
    expect(await identity.admin(`/users/${id}/groups/zzz`, { method: 'PUT' })).toMatchObject({
      status: 404,
      body: { error: 'Group not found' },
    })
  })
})

test('the address of a new user follows the fixed base URL', async () => {
  const created = await post({ username: 'located' })
  expect(created.headers.get('location')).toMatch(new RegExp(`^${BASE_URL}/admin/realms/jan/users/[0-9a-f-]{36}$`))
})

ofOurs('a character that PostgreSQL cannot hold is the client’s fault', async () => {
  expect((await post({ username: 'zero', attributes: { free: ['\0'] } })).status).toBe(400)
  expect((await identity.login('\0')).status).toBe(400)
  expect((await identity.admin('/users/%E0%A4%A')).status).toBe(400)
})
