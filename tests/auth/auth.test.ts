import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import { openBrowser } from './browser.ts'
import { newEmail, PASSWORD, peopleOf } from './people.ts'
import { type Json, openWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
}, 60_000)
beforeEach(() => {
  world.front.refuse = undefined
  world.front.seen.length = 0
})
afterAll(() => world?.close())

const { refresh, me, upgrade, passwordGrant, newUser } = peopleOf(() => world)

describe('a guest', () => {
  test('has tokens of jan-client that every service takes, for an hour [I-005 I-006 I-020]', async () => {
    const guest = await world.becomeGuest()
    const keys = createRemoteJWKSet(new URL(`${world.realm}/protocol/openid-connect/certs`))
    const { payload } = await jwtVerify(guest.access_token, keys, { issuer: world.realm, audience: 'jan' })
    expect(payload).toMatchObject({
      sub: guest.user_id,
      azp: 'jan-client',
      guest: 'true',
      realm_access: { roles: ['guest'] },
    })
    expect([payload.aud].flat()).not.toContain('account')
    expect(payload.exp! - payload.iat!).toBe(3600)
    expect((await me(guest.access_token)).json).toMatchObject({ id: guest.user_id, is_guest: true, roles: ['guest'] })
  })

  test('that cannot sign in is removed at the provider [I-021]', async () => {
    world.front.refuse = (request) =>
      request.endsWith('/token') && world.front.seen.some((each) => each.endsWith('/users')) ? 500 : undefined
    const { status } = await world.call('POST', '/auth/guest-login')
    expect(status).toBe(502)
    expect(world.front.seen.at(-1)).toMatch(/^DELETE .*\/users\//)
  })
})

describe('refreshing', () => {
  test('gives tokens of the same person, from body, cookie and header [I-022]', async () => {
    const guest = await world.becomeGuest()
    const first = await refresh(guest.refresh_token)
    expect([first.status, decodeJwt(first.json.access_token).sub]).toEqual([200, guest.user_id])
    const cookie = { cookie: `refresh_token=${first.json.refresh_token}` }
    const second = await world.call('POST', '/auth/refresh-token', { headers: cookie })
    const third = await world.call('GET', '/auth/refresh-token', { token: second.json.refresh_token })
    expect([second.status, third.status]).toEqual([200, 200])
    expect(third.headers.get('cache-control')).toBe('no-store')
  })

  test('10 times at once over two replicas asks the provider once, and the session lives on [I-023]', async () => {
    const guest = await world.becomeGuest()
    world.front.seen.length = 0
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, at) => refresh(guest.refresh_token, world.replicas[at % 2]!)),
    )
    expect(new Set(answers.map(({ status, json }) => `${status} ${json.access_token}`)).size).toBe(1)
    expect(world.front.seen.filter((each) => each.endsWith('/token'))).toHaveLength(1)
    expect((await refresh(answers[0]!.json.refresh_token)).status).toBe(200)
  })

  test.each([
    ['POST', 401],
    ['GET', 400],
  ])('by %s with a token that is none, or is over, is %i [I-022 I-024]', async (method, status) => {
    const guest = await world.becomeGuest()
    await world.call('POST', '/auth/logout', { json: { refresh_token: guest.refresh_token } })
    for (const token of ['made-up', guest.access_token, guest.refresh_token])
      expect((await world.call(method, '/auth/refresh-token', { token })).status).toBe(status)
  })
})

describe('a session', () => {
  test.each([
    ['POST', (guest: Json) => ({ json: { refresh_token: guest.refresh_token } })],
    ['GET', (guest: Json) => ({ headers: { cookie: `refresh_token=${guest.refresh_token}` } })],
    ['GET', (guest: Json) => ({ token: guest.access_token })],
    ['GET', (guest: Json) => ({ token: guest.refresh_token })],
  ])('ends with a logout by %s, however it is named [I-025]', async (method, sent) => {
    const guest = await world.becomeGuest()
    const { status, json, headers } = await world.call(method, '/auth/logout', sent(guest))
    expect([status, json]).toEqual([200, { status: 'logged out' }])
    expect(headers.get('set-cookie')).toMatch(/^refresh_token=; Path=\/; Expires=Thu, 01 Jan 1970/)
    expect((await refresh(guest.refresh_token)).status).toBe(401)
    expect((await world.call('POST', '/auth/validate', { token: guest.access_token })).status).toBe(401)
  })

  test('ends when its refresh token is revoked; an unknown one is as good as revoked [I-031]', async () => {
    const guest = await world.becomeGuest()
    for (const token of [guest.refresh_token, guest.refresh_token, 'made-up']) {
      const answer = await world.call('POST', '/auth/revoke', { json: { refresh_token: token } })
      expect([answer.status, answer.json]).toEqual([200, { message: 'Token revoked successfully' }])
    }
    expect((await refresh(guest.refresh_token)).status).toBe(401)
    expect((await world.call('POST', '/auth/revoke', { json: {} })).json).toMatchObject({ error: expect.any(String) })
  })

  test('is validated at the provider; without a good bearer it is 401 [I-030]', async () => {
    const guest = await world.becomeGuest()
    const valid = await world.call('POST', '/auth/validate', { token: guest.access_token })
    expect([valid.status, valid.json]).toMatchObject([200, { valid: true, user_info: { sub: guest.user_id } }])
    for (const sent of [{}, { token: 'made-up' }, { headers: { authorization: 'Basic eDp5' } }]) {
      const refused = await world.call('POST', '/auth/validate', sent)
      expect([refused.status, refused.json.error]).toEqual([401, expect.any(String)])
    }
  })
})

describe('an upgrade', () => {
  test('keeps the subject and gives e-mail, name, password and role [I-036 I-037]', async () => {
    const guest = await world.becomeGuest()
    const email = newEmail()
    const { status, json } = await upgrade(guest.access_token, { email, full_name: 'Ada King Lovelace' })
    expect([status, json]).toEqual([200, { status: 'upgraded' }])
    const fresh = (await refresh(guest.refresh_token)).json.access_token
    expect(decodeJwt(fresh)).toMatchObject({
      sub: guest.user_id,
      email,
      email_verified: false,
      name: 'Ada King Lovelace',
      guest: 'false',
      realm_access: { roles: ['user'] },
    })
    expect((await me(fresh)).json).toMatchObject({ id: guest.user_id, is_guest: false, roles: ['user'] })
    expect((await passwordGrant(email)).status).toBe(200)
    const rows = await world.database.query('SELECT kind FROM workspace WHERE id = $1', [guest.user_id])
    expect(rows).toEqual([{ kind: 'user' }])
  })

  test('ends the guest’s other sessions, and not the one that asked [I-034]', async () => {
    const guest = await world.becomeGuest()
    // Nobody but the service knows a guest's password.
    const form = new URLSearchParams(world.front.bodies.get('POST /realms/jan/protocol/openid-connect/token'))
    const other = await passwordGrant(guest.username, form.get('password')!)
    expect(other.status).toBe(200)
    expect((await upgrade(guest.access_token)).status).toBe(200)
    expect((await refresh(other.json.refresh_token)).status).toBe(401)
    expect((await refresh(guest.refresh_token)).status).toBe(200)
  })

  test('to an address that is taken is 409 and changes nothing [I-038]', async () => {
    const { email } = await newUser()
    const guest = await world.becomeGuest()
    const refused = await upgrade(guest.access_token, { email })
    expect([refused.status, refused.json]).toMatchObject([409, { error: { code: 'conflict', param: 'email' } }])
    const fresh = (await refresh(guest.refresh_token)).json.access_token
    expect(decodeJwt(fresh)).toMatchObject({ guest: 'true', realm_access: { roles: ['guest'] } })
    expect(decodeJwt(fresh).email).toBeUndefined()
  })

  test.each([
    ['PUT', '/reset-password'],
    ['POST', '/role-mappings/realm'],
    ['DELETE', '/groups/'],
  ])('whose %s …%s fails is undone as a whole [I-038]', async (method, path) => {
    const guest = await world.becomeGuest()
    const email = newEmail()
    let failed = false
    world.front.refuse = (request) => {
      if (failed || !request.startsWith(`${method} `) || !request.includes(path)) return undefined
      failed = true
      return 500
    }
    expect((await upgrade(guest.access_token, { email })).status).toBe(502)
    expect(failed).toBe(true)
    const fresh = (await refresh(guest.refresh_token)).json
    expect(decodeJwt(fresh.access_token)).toMatchObject({ guest: 'true', realm_access: { roles: ['guest'] } })
    expect(decodeJwt(fresh.access_token).email).toBeUndefined()
    expect((await passwordGrant(email)).status).toBeGreaterThanOrEqual(400)
    expect((await upgrade(fresh.access_token, { email })).status).toBe(200)
  })

  test('is for guests only, and once [I-039]', async () => {
    const guest = await world.becomeGuest()
    expect((await upgrade(guest.access_token)).status).toBe(200)
    // The old token still says guest.
    expect((await upgrade(guest.access_token)).status).toBe(403)
    const { json } = await refresh(guest.refresh_token)
    expect((await upgrade(json.access_token)).status).toBe(403)
  })

  test.each([
    ['no e-mail', { email: undefined }, 'email'],
    ['an e-mail that is none', { email: 'nobody' }, 'email'],
    ['no password', { password: undefined }, 'password'],
    ['a password that is too short', { password: 'short' }, 'password'],
  ])('with %s is 400, names the field and changes nothing', async (_what, more, param) => {
    const guest = await world.becomeGuest()
    const refused = await upgrade(guest.access_token, more)
    expect([refused.status, refused.json]).toMatchObject([400, { error: { param } }])
    expect(JSON.stringify(refused.json)).not.toContain(PASSWORD)
    const fresh = await refresh(guest.refresh_token)
    expect(decodeJwt(fresh.json.access_token)).toMatchObject({ guest: 'true' })
  })
})

describe('a login in the browser', () => {
  const start = async (redirectUrl?: string) => {
    const query = redirectUrl === undefined ? '' : `?redirect_url=${encodeURIComponent(redirectUrl)}`
    return world.call('GET', `/auth/login${query}`)
  }
  /** Signs in at the provider. @returns path and query of our callback, as the browser would ask for it */
  const signIn = async (page: string, user: { email: string }, browser = openBrowser()) => {
    const { location, status, text } = await browser.signIn(page, user.email, PASSWORD)
    if (!location) throw new Error(`stayed at the provider: ${status} ${text.slice(0, 500)}`)
    const { pathname, search } = new URL(location)
    return `${pathname}${search}`
  }

  test('begins with PKCE and a state, and no cookie [I-026]', async () => {
    const { status, json, headers } = await start()
    expect([status, headers.get('set-cookie')]).toEqual([200, null])
    const page = new URL(json.authorization_url)
    expect(page.href).toContain('scope=openid')
    expect(Object.fromEntries(page.searchParams)).toMatchObject({
      client_id: 'jan-client',
      code_challenge_method: 'S256',
      response_type: 'code',
      state: json.state,
    })
    expect(json.state).toMatch(/^[\w-]+$/)
    expect(json.state).not.toContain(page.searchParams.get('code_challenge'))
  })

  test('ends at the page it began for, with tokens in the fragment, on any replica, once [I-027 I-029]', async () => {
    const user = await newUser()
    const { json } = await start('http://localhost:3001/auth/callback')
    const callback = await signIn(json.authorization_url, user)
    const ended = await world.call('GET', callback, {}, world.replicas[1])
    expect(ended.status).toBe(302)
    const target = new URL(ended.headers.get('location')!)
    expect([target.origin + target.pathname, target.search]).toEqual(['http://localhost:3001/auth/callback', ''])
    const tokens = Object.fromEntries(new URLSearchParams(target.hash.slice(1)))
    expect(tokens).toMatchObject({ token_type: 'Bearer', expires_in: expect.stringMatching(/^3[56]\d\d$/) })
    // By which the page knows a login that it began itself.
    expect(tokens.state).toBe(json.state)
    expect((await me(tokens.access_token!)).json).toMatchObject({ id: user.subject })
    const again = await world.call('GET', callback)
    expect([again.status, again.json.error]).toEqual([401, expect.stringContaining('state')])
    // The code was not given to the provider a second time: the session lives.
    expect((await refresh(tokens.refresh_token!)).status).toBe(200)
  })

  test('goes nowhere that is not listed [I-028]', async () => {
    for (const page of ['https://evil.test/', 'http://localhost:3000/auth/callback/../x', 'javascript:alert(1)', '']) {
      const refused = await start(page)
      expect([refused.status, refused.json.error]).toEqual([400, expect.stringContaining('redirect_url')])
    }
  })

  test('that the provider refused, or that lacks something, is told as clients know it [I-029]', async () => {
    const answer = async (query: string) => world.call('GET', `/auth/callback${query}`)
    const denied = await answer('?error=access_denied&error_description=No&state=x')
    expect([denied.status, denied.json]).toEqual([400, { error: 'access_denied', error_description: 'No' }])
    const { state } = (await start()).json
    expect(await answer(`?state=${state}`)).toMatchObject({ status: 400, json: { error: 'code is missing' } })
    expect(await answer('?code=x')).toMatchObject({ status: 400, json: { error: 'state is missing' } })
    const forged = `${state.slice(0, -4)}AAAA`
    expect(await answer(`?code=x&state=${forged}`)).toMatchObject({
      status: 401,
      json: { error: expect.stringContaining('state') },
    })
    expect(await answer(`?code=made-up&state=${state}`)).toMatchObject({
      status: 400,
      json: { error: expect.any(String) },
    })
  })

  test('with another provider’s iss, or another login’s code, is refused [I-061]', async () => {
    const user = await newUser()
    const [mine, other] = [(await start()).json, (await start()).json]
    const callback = new URL(await signIn(mine.authorization_url, user), 'http://x')
    callback.searchParams.set('state', other.state)
    expect((await world.call('GET', callback.pathname + callback.search)).status).toBe(400)
    const foreign = (await start()).json
    const page = new URL(await signIn(foreign.authorization_url, user), 'http://x')
    page.searchParams.set('iss', 'https://evil.test')
    expect((await world.call('GET', page.pathname + page.search)).status).toBe(400)
  })

  test('with a wrong password stays at the provider', async () => {
    const user = await newUser()
    const { json } = await start()
    const stayed = await openBrowser().signIn(json.authorization_url, user.email, 'wrong')
    expect([stayed.location, stayed.text]).toEqual([undefined, expect.stringContaining('kc-form-login')])
  })

  test('is known by its cookie the second time [I-014]', async () => {
    const user = await newUser()
    const browser = openBrowser()
    await signIn((await start()).json.authorization_url, user, browser)
    const again = await browser.open((await start()).json.authorization_url)
    expect(again.location).toContain('code=')
    const stranger = await openBrowser().open(`${(await start()).json.authorization_url}&prompt=none`)
    expect(stranger.location).toContain('error=login_required')
  })
})

test('without the provider login and refresh are 503, and known tokens go on [I-035]', async () => {
  const guest = await world.becomeGuest()
  expect((await me(guest.access_token)).status).toBe(200)
  world.front.refuse = () => 503
  const refused = [
    await world.call('POST', '/auth/guest-login'),
    await refresh(guest.refresh_token),
    await world.call('POST', '/auth/validate', { token: guest.access_token }),
    await world.call('POST', '/auth/logout', { json: { refresh_token: guest.refresh_token } }),
  ]
  for (const { status, headers } of refused)
    expect([status, headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^\d+$/)])
  expect((await me(guest.access_token)).status).toBe(200)
  world.front.refuse = undefined
  expect((await refresh(guest.refresh_token)).status).toBe(200)
})
