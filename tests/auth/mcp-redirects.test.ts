import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { openBrowser } from './browser.ts'
import { newEmail, PASSWORD } from './people.ts'
import { openProvider, type Provider } from './provider.ts'
import type { Json } from './world.ts'

/** Where the client of MCP programs may send a browser back to; the same at a Keycloak. */

let provider: Provider
let openid: string
const email = newEmail()

beforeAll(async () => {
  provider = await openProvider(process.env)
  openid = `${provider.url}/realms/jan/protocol/openid-connect`
  const { access_token: token } = (
    await tokens({ grant_type: 'client_credentials', client_id: 'backend', client_secret: provider.clientSecret })
  ).json
  const made = await fetch(`${provider.url}/admin/realms/jan/users`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      ...{ username: email, email, enabled: true },
      credentials: [{ type: 'password', value: PASSWORD, temporary: false }],
    }),
  })
  expect(made.status).toBe(201)
}, 60_000)
afterAll(() => provider?.close())

async function tokens(form: Record<string, string>) {
  const answer = await fetch(`${openid}/token`, { method: 'POST', body: new URLSearchParams(form) })
  return { status: answer.status, json: (await answer.json()) as Json }
}

/** The provider's page for a login that shall end at an address. */
function pageFor(redirect_uri: string, verifier = randomBytes(32).toString('base64url')): string {
  const query = new URLSearchParams({
    ...{ client_id: 'jan-mcp', redirect_uri, response_type: 'code', scope: 'openid', state: 'a-state' },
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  return `${openid}/auth?${query}`
}

describe('jan-mcp', () => {
  test.each([
    ['Claude Code', 'http://localhost:53682/callback'],
    ['VS Code', 'http://127.0.0.1:33418/'],
    ['VS Code, by name', 'http://localhost:33418/'],
    ['the Inspector', 'http://localhost:6274/oauth/callback'],
    ['the SDK’s example', 'http://localhost:8090/callback'],
    ['a client on IPv6', 'http://[::1]:49152/callback'],
    ['a client with a query of its own', 'http://127.0.0.1:49152/done?login=7'],
  ])('logs in from %s, and its code is for that address only [I-004]', async (_, address) => {
    const verifier = randomBytes(32).toString('base64url')
    const signIn = async () => {
      const { location } = await openBrowser().signIn(pageFor(address, verifier), email, PASSWORD)
      expect(location?.startsWith(address)).toBe(true)
      return new URL(location!).searchParams.get('code')!
    }
    const exchange = async (redirect_uri: string) => {
      const form = { grant_type: 'authorization_code', client_id: 'jan-mcp', code_verifier: verifier, redirect_uri }
      return tokens({ ...form, code: await signIn() })
    }
    expect(await exchange(address)).toMatchObject({ status: 200, json: { access_token: expect.any(String) } })
    const elsewhere = new URL(address)
    elsewhere.port = '1'
    expect(await exchange(elsewhere.href)).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
  })

  test.each([
    'https://vscode.dev/redirect',
    'cursor://anysphere.cursor-mcp/oauth/callback',
    'http://evil.example/callback',
    'http://evil.example:3000/http://localhost:3000/',
    'http://localhost.evil.example:3000/callback',
    'http://localhostevil.example/callback',
    'http://127.0.0.1.evil.example/callback',
    'http://127.0.0.1:3000.evil.example/callback',
    'http://[::1].evil.example/callback',
    'http://localhost@evil.example/callback',
    'http://localhost:3000@evil.example/callback',
    'http://127.0.0.1:@evil.example/callback',
    'http://[::1]:3000@evil.example/callback',
    'http://localhost:3000%40evil.example/callback',
    'http://localhost:3000\\@evil.example/callback',
    'http://127.0.0.2:3000/callback',
    'http://0.0.0.0:3000/callback',
    'https://localhost:3000/callback',
    '//localhost:3000/callback',
    'javascript://localhost/%0aalert(1)',
  ])('does not send a browser to %s [I-004 I-015]', async (address) => {
    const { status, location, text } = await openBrowser().open(pageFor(address))
    expect([status, location]).toEqual([400, undefined])
    expect(text).not.toContain('kc-form-login')
  })
})
