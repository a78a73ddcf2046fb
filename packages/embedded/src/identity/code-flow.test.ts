import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { CALLBACK, createBrowser, startFlow } from './code-flow.fixture.ts'
import { ISSUER, isKeycloak, ofOurs, PASSWORD, startIdentity, type TestIdentity } from './identity.fixture.ts'

let identity: TestIdentity
beforeAll(async () => {
  identity = await startIdentity()
  await identity.createUser({ username: 'flora', email: 'flora@example.com', firstName: 'Flo', lastName: 'Ra' })
})
afterAll(() => identity.end())

const refused = (description: string) => ({
  status: 400,
  body: { error: 'invalid_grant', error_description: description },
})

/** Signs flora in by the page. */
async function signIn(more: Record<string, string> = {}, browser = createBrowser(identity)) {
  const { url, verifier } = startFlow(more)
  const sent = await browser.submit(await browser.go(url), 'flora', PASSWORD)
  return { browser, sent, verifier, code: sent.location?.searchParams.get('code') ?? '' }
}
/** An empty text leaves a parameter out. */
const exchange = (code: string, verifier: string, more: Record<string, string> = {}) => {
  const given = { client_id: 'jan-client', redirect_uri: CALLBACK, code, code_verifier: verifier, ...more }
  const form = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''))
  return identity.token({ grant_type: 'authorization_code', ...form })
}

describe('the login page [I-012]', () => {
  test('leads to the callback with code, state, session and issuer, and the code to tokens', async () => {
    const { sent, code, verifier } = await signIn()
    expect([sent.status, `${sent.location?.origin}${sent.location?.pathname}`]).toEqual([302, CALLBACK])
    const { state, iss, session_state: session } = Object.fromEntries(sent.location?.searchParams ?? [])
    expect([state, iss, session]).toEqual(['a-state', ISSUER, expect.any(String)])
    const { status, body } = await exchange(code, verifier)
    expect([status, body]).toMatchObject([200, { session_state: session, expires_in: 3600, token_type: 'Bearer' }])
    const claims = await identity.verify(body.access_token)
    expect(claims).toMatchObject({ azp: 'jan-client', preferred_username: 'flora', sid: session, name: 'Flo Ra' })
    expect(claims.auth_time).toEqual(expect.any(Number))
    expect(await identity.verify(body.id_token)).toMatchObject({ aud: 'jan-client', nonce: 'a-nonce', sid: session })
    expect((await identity.userinfo(body.access_token)).body).toMatchObject({ email: 'flora@example.com' })
    expect((await identity.refresh(body.refresh_token)).status).toBe(200)
  })

  test('takes an e-mail, and shows itself again after a wrong password', async () => {
    const browser = createBrowser(identity)
    const page = await browser.go(startFlow().url)
    expect(page.status).toBe(200)
    const again = await browser.submit(page, 'flora', 'wrong')
    expect([again.status, again.location]).toEqual([200, undefined])
    expect(again.text).toContain('Invalid username or password.')
    expect((await browser.submit(again, 'Flora@Example.com', PASSWORD)).status).toBe(302)
  })

  ofOurs('refuses a form without its token, of another login, and of a browser that did not ask', async () => {
    const browser = createBrowser(identity)
    const page = await browser.go(startFlow().url)
    const other = await createBrowser(identity).go(startFlow().url)
    const without = await browser.submit(page, 'flora', PASSWORD, (form) => void delete form.csrf)
    const wrong = await browser.submit(page, 'flora', PASSWORD, (form) => void Object.assign(form, { csrf: 'x' }))
    const foreign = await browser.submit(other, 'flora', PASSWORD)
    browser.forget()
    const bare = await browser.submit(page, 'flora', PASSWORD)
    expect([without, wrong, foreign, bare].map(({ status, location }) => [status, location])).toEqual(
      Array(4).fill([400, undefined]),
    )
  })

  ofOurs('is plain: no script, nothing from elsewhere, and what was typed is text', async () => {
    const browser = createBrowser(identity)
    const page = await browser.go(startFlow().url)
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(page.text).not.toMatch(/<script|https?:\/\/(?!localhost)/)
    const again = await browser.submit(page, '"><script>', 'x')
    expect(again.text).not.toContain('<script>')
  })
})

describe('a code [I-013]', () => {
  test('is good once; a second use ends the session of the first', async () => {
    const { code, verifier } = await signIn()
    const first = await exchange(code, verifier)
    expect(await exchange(code, verifier)).toMatchObject(refused('Code not valid'))
    expect((await identity.refresh(first.body.refresh_token)).status).toBe(400)
    expect((await identity.userinfo(first.body.access_token)).status).toBe(401)
  })

  test.each([
    ['a wrong verifier', { code_verifier: 'x'.repeat(43) }, 'PKCE verification failed: Code mismatch'],
    ['a malformed verifier', { code_verifier: 'x' }, 'PKCE verification failed: Invalid code verifier'],
    ['no verifier', { code_verifier: '' }, 'PKCE code verifier not specified'],
    ['another redirect', { redirect_uri: 'http://localhost:3000/auth/callback' }, 'Incorrect redirect_uri'],
  ])('is burnt by %s', async (_, change, description) => {
    const { code, verifier } = await signIn()
    expect(await exchange(code, verifier, change)).toMatchObject(refused(description))
    expect(await exchange(code, verifier)).toMatchObject(refused('Code not valid'))
  })

  test('is no other client’s, and a made-up or missing one is none', async () => {
    const { code, verifier } = await signIn()
    expect(await exchange(code, verifier, { client_id: 'jan-mcp' })).toMatchObject(
      refused('Auth error: Found different client_id in clientSession'),
    )
    expect(await exchange('made.up.code', verifier)).toMatchObject(refused('Code not valid'))
    expect(await exchange('', verifier)).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', error_description: 'Missing parameter: code' },
    })
  })
})

describe('signed in once [I-014]', () => {
  test('a second authorization needs no page, of another client neither, and prompt=none is answered', async () => {
    const { browser } = await signIn()
    const mcp = { client_id: 'jan-mcp', redirect_uri: 'http://127.0.0.1:49152/callback' }
    for (const more of [{}, { prompt: 'none' }, mcp] as Record<string, string>[]) {
      const flow = startFlow(more)
      const { status, location } = await browser.go(flow.url)
      expect([status, location?.searchParams.get('error')]).toEqual([302, null])
      const { redirect_uri = CALLBACK, client_id = 'jan-client' } = more
      const code = location?.searchParams.get('code') ?? ''
      expect((await exchange(code, flow.verifier, { redirect_uri, client_id })).status).toBe(200)
    }
  })

  test('prompt=none without a session is login_required', async () => {
    const { status, location } = await createBrowser(identity).go(startFlow({ prompt: 'none' }).url)
    expect(status).toBe(302)
    expect(Object.fromEntries(location?.searchParams ?? [])).toMatchObject({
      ...{ error: 'login_required', state: 'a-state', iss: ISSUER },
    })
  })

  test('logout by refresh token signs the browser out, too', async () => {
    const { browser, code, verifier } = await signIn()
    const { body } = await exchange(code, verifier)
    const form = { client_id: 'jan-client', refresh_token: body.refresh_token }
    expect((await fetch(`${identity.openid}/logout`, { method: 'POST', body: new URLSearchParams(form) })).status).toBe(
      204,
    )
    expect((await browser.go(startFlow().url)).status).toBe(200)
  })

  test('logout in the browser goes back to a registered address only', async () => {
    const { browser, code, verifier } = await signIn()
    const { body } = await exchange(code, verifier)
    const logout = (target: string) =>
      browser.go(
        `${ISSUER}/protocol/openid-connect/logout?${new URLSearchParams({ id_token_hint: body.id_token, post_logout_redirect_uri: target, state: 's' })}`,
      )
    const foreign = await logout('https://evil.example/')
    expect([foreign.status, foreign.location]).toEqual([400, undefined])
    expect((await identity.userinfo(body.access_token)).status).toBe(200)
    const { status, location } = await logout('http://localhost:8000/')
    expect([status, location?.href]).toEqual([302, 'http://localhost:8000/?state=s'])
    expect((await identity.userinfo(body.access_token)).status).toBe(401)
    expect((await identity.refresh(body.refresh_token)).body.error_description).toBe('Session not active')
    expect((await browser.go(startFlow().url)).status).toBe(200)
  })

  test('without an id token logout asks first', async () => {
    const { browser, code, verifier } = await signIn()
    const { body } = await exchange(code, verifier)
    const page = await browser.go(`${ISSUER}/protocol/openid-connect/logout`)
    expect([page.status, page.location]).toEqual([200, undefined])
    expect((await identity.userinfo(body.access_token)).status).toBe(200)
    if (isKeycloak) return
    const [, action = ''] = /action="([^"]+)"/.exec(page.text) ?? []
    const [, xsrf = ''] = /name="xsrf" value="([^"]+)"/.exec(page.text) ?? []
    await browser.go(action, { xsrf, logout: 'yes' })
    expect((await identity.userinfo(body.access_token)).status).toBe(401)
  })
})

describe('an authorization request', () => {
  test.each([
    ['an unknown client', { client_id: 'nobody' }],
    ['another path', { redirect_uri: 'http://localhost:8000/other' }],
    ['an extra query', { redirect_uri: `${CALLBACK}?a=b` }],
    ['another host', { redirect_uri: 'https://evil.example/auth/callback' }],
    ['no redirect', { redirect_uri: '' }],
  ] as [string, Record<string, string>][])('with %s is an error page [I-015]', async (_, change) => {
    const { status, location, headers } = await createBrowser(identity).go(startFlow(change).url)
    expect([status, location]).toEqual([400, undefined])
    expect(headers.get('content-type')).toContain('text/html')
  })

  test.each([
    ['no challenge', { code_challenge: '', code_challenge_method: '' }, 'invalid_request'],
    ['a plain challenge', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['an unknown scope', { scope: 'openid zzz' }, 'invalid_scope'],
  ] as [string, Record<string, string>, string][])(
    'with %s is told to the client [I-004]',
    async (_, change, error) => {
      const { status, location } = await createBrowser(identity).go(startFlow(change).url)
      expect([status, location?.searchParams.get('error')]).toEqual([302, error])
      expect(location?.href).toMatch(/^http:\/\/localhost:8000\/auth\/callback\?/)
    },
  )
})

describe('jan-mcp', () => {
  ofOurs('also goes back to what the operator added, letter by letter, and no other client does [I-004]', async () => {
    const added = ['cursor://anysphere.cursor-mcp/oauth/callback', 'https://vscode.dev/redirect']
    const { database } = identity
    const other = await startIdentity({ database, mcpRedirectUris: added })
    for (const redirect_uri of added) {
      const flow = startFlow({ client_id: 'jan-mcp', redirect_uri })
      const browser = createBrowser(other)
      const { location } = await browser.submit(await browser.go(flow.url), 'flora', PASSWORD)
      expect(location?.href.startsWith(`${redirect_uri}?`)).toBe(true)
      const code = location?.searchParams.get('code') ?? ''
      expect((await exchange(code, flow.verifier, { client_id: 'jan-mcp', redirect_uri })).status).toBe(200)
      for (const change of [{ redirect_uri: `${redirect_uri}/` }, { redirect_uri: `${redirect_uri}?a=b` }])
        expect((await browser.go(startFlow({ client_id: 'jan-mcp', ...change }).url)).status).toBe(400)
      expect((await browser.go(startFlow({ redirect_uri }).url)).status).toBe(400)
      expect((await createBrowser(identity).go(startFlow({ client_id: 'jan-mcp', redirect_uri }).url)).status).toBe(400)
    }
    await other.stop()
  })

  ofOurs('goes to no port that there is not, and to no address with a fragment [I-015]', async () => {
    for (const redirect_uri of ['http://localhost:99999/callback', 'http://localhost:3000/callback#here'])
      expect((await createBrowser(identity).go(startFlow({ client_id: 'jan-mcp', redirect_uri }).url)).status).toBe(400)
  })
})
