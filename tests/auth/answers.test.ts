import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { openBrowser } from './browser.ts'
import { PASSWORD, peopleOf, type User } from './people.ts'
import { type Json, openWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
}, 60_000)
afterEach(() => {
  world.front.refuse = undefined
})
afterAll(() => world?.close())

const { me, upgrade, refresh, newUser, atTokenEndpoint } = peopleOf(() => world)

/** At the provider's admin API, as the service account. */
async function admin(method: string, path: string, json?: unknown): Promise<Json> {
  const form = { grant_type: 'client_credentials', client_id: 'backend', client_secret: world.provider.clientSecret }
  const { access_token: token } = (await atTokenEndpoint(form)).json
  const answer = await fetch(`${world.provider.url}/admin/realms/jan${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  })
  const text = await answer.text()
  return text === '' ? undefined : JSON.parse(text)
}

async function newAdmin(): Promise<User> {
  const user = await newUser()
  const roles = `/users/${user.subject}/role-mappings/realm`
  const found = (await admin('GET', `${roles}/available`)).find(({ name }: Json) => name === 'admin')
  await admin('POST', roles, [{ id: found.id, name: found.name }])
  const { json } = await refresh(user.refreshToken)
  return { ...user, token: json.access_token, refreshToken: json.refresh_token }
}

const newKey = async ({ token }: User): Promise<string> =>
  (await world.call('POST', '/auth/api-keys', { token, json: { name: 'laptop' } })).json.key

test('a key has the roles that a group brings, too [I-093]', async () => {
  const user = await newUser()
  const key = await newKey(user)
  const group = (await admin('GET', '/groups')).find(({ name }: Json) => name === 'guests')
  await admin('PUT', `/users/${user.subject}/groups/${group.id}`)
  // This replica has not asked for the person yet.
  const { json } = await world.call('GET', '/auth/me', { token: key }, world.replicas[1])
  expect(json.roles).toEqual(['guest', 'user'])
})

describe('me', () => {
  test('tells a guest, a user and an admin apart, and who a key stands for [I-032]', async () => {
    const [guest, user, root] = [await world.becomeGuest(), await newUser(), await newAdmin()]
    const callers: [string, object][] = [
      [guest.access_token, { id: guest.user_id, kind: 'guest', roles: ['guest'], is_guest: true, auth_method: 'jwt' }],
      [user.token, { id: user.subject, kind: 'user', roles: ['user'], is_guest: false, auth_method: 'jwt' }],
      [await newKey(user), { id: user.subject, kind: 'key', roles: ['user'], is_guest: false, auth_method: 'apikey' }],
      [
        root.token,
        { id: root.subject, kind: 'user', roles: expect.arrayContaining(['admin', 'user']), is_guest: false },
      ],
    ]
    for (const [token, expected] of callers) {
      const { status, json } = await me(token)
      expect([status, json]).toMatchObject([200, expected])
      expect(json.subject).toBe(json.id)
    }
  })

  test('is the same person under both addresses, and nobody without a credential [I-032]', async () => {
    const user = await newUser()
    expect((await me(user.token)).json).toMatchObject({ email: user.email, username: expect.any(String) })
    expect((await world.call('GET', '/auth/me')).status).toBe(401)
  })

  test('admin is who has that role at the provider, at once [I-032 I-056 I-089]', async () => {
    const audit = async (token: string) => (await world.call('GET', '/v1/admin/audit', { token })).status
    const guest = await world.becomeGuest()
    const [user, root] = [await newUser(), await newAdmin()]
    expect([await audit(guest.access_token), await audit(user.token), await audit(root.token)]).toEqual([403, 403, 200])
  })
})

test('a token that clients got themselves, without asking for openid, is good here and not for validate [I-011 I-030 I-081]', async () => {
  const { email, subject } = await newUser()
  const { status, json } = await atTokenEndpoint({ grant_type: 'password', username: email, password: PASSWORD })
  expect([status, json.id_token]).toEqual([200, undefined])
  expect((await me(json.access_token)).json).toMatchObject({ id: subject })
  expect((await world.call('POST', '/auth/validate', { token: json.access_token })).status).toBe(401)
})

test('a callback whose code the provider fails to exchange is 500 as clients know it, and its words stay inside [I-029 I-078]', async () => {
  const user = await newUser()
  const login = (await world.call('GET', '/auth/login')).json
  const { location } = await openBrowser().signIn(login.authorization_url, user.email, PASSWORD)
  world.front.refuse = (request) => (request.endsWith('/token') ? 500 : undefined)
  const failed = await world.call('GET', `/auth/callback${new URL(location!).search}`)
  expect([failed.status, failed.json]).toMatchObject([500, { error: expect.stringContaining('login') }])
})

test('a name that the provider does not take is 400 and names the field, and the guest stays one [I-038]', async () => {
  const guest = await world.becomeGuest()
  const refused = await upgrade(guest.access_token, { full_name: '<b>Ada</b>' })
  expect([refused.status, refused.json]).toMatchObject([400, { error: { param: 'full_name' } }])
  expect((await upgrade(guest.access_token)).status).toBe(200)
})

test('an API key is never told to the provider [I-042 I-079]', async () => {
  const key = await newKey(await newUser())
  world.front.bodies.clear()
  const asked = async (method: string, path: string) => (await world.call(method, path, { token: key })).status
  expect(await asked('POST', '/auth/refresh-token')).toBe(400)
  expect(await asked('GET', '/auth/refresh-token')).toBe(400)
  expect(await asked('POST', '/auth/logout')).toBe(200)
  expect(await asked('GET', '/auth/logout')).toBe(200)
  expect(await asked('POST', '/auth/validate')).toBe(401)
  expect([...world.front.bodies.values(), ...world.front.authorizations].join('\n')).not.toContain(key)
  expect((await me(key)).status).toBe(200)
})

test('the master realm and its admin are never used [I-003 I-080]', async () => {
  const seen = world.front.seen.length
  const user = await newUser()
  await newKey(user)
  await world.call('POST', '/auth/logout', { json: { refresh_token: user.refreshToken } })
  expect(world.front.seen.length).toBeGreaterThan(seen)
  for (const request of world.front.seen) expect(request).toMatch(/^[A-Z]+ \/(admin\/)?realms\/jan\//)
})
