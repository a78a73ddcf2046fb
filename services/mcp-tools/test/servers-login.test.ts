import { createHash } from 'node:crypto'
import { text as readText } from 'node:stream/consumers'
import { type Served, serve } from '@jan/testkit/serve'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type BridgeService, startBridge, textOf } from './bridge-start.ts'
import { type McpServer, startMcpServer } from './mcp-server.ts'

/** An authorization server whose access tokens last as long as a test says, and whose refresh tokens are good once. */
async function startAuthority() {
  const state = {
    lifetime: 3600,
    refreshes: 0,
    registrations: 0,
    valid: new Set<string>(),
    refresh: '',
    withdrawn: false,
    /** Answers the next refreshes itself. */
    broken: undefined as { status: number; text: string } | undefined,
  }
  const codes = new Map<string, { challenge: string; redirect: string }>()
  const issue = () => {
    const n = state.valid.size + 1
    state.valid.add(`access-${n}`)
    state.refresh = `refresh-${n}`
    return {
      access_token: `access-${n}`,
      refresh_token: state.refresh,
      token_type: 'Bearer',
      expires_in: state.lifetime,
    }
  }
  const served: Served = await serve(async (request, response) => {
    const url = new URL(request.url!, served.url)
    const answer = (value: object, status = 200) =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    if (url.pathname === '/.well-known/oauth-authorization-server')
      return answer({
        issuer: served.url,
        authorization_endpoint: `${served.url}/authorize`,
        token_endpoint: `${served.url}/token`,
        registration_endpoint: `${served.url}/register`,
        response_types_supported: ['code'],
        code_challenge_methods_supported: ['S256'],
        token_endpoint_auth_methods_supported: ['none'],
      })
    if (url.pathname === '/register') {
      state.registrations++
      return answer({ ...JSON.parse(await readText(request)), client_id: 'registered' }, 201)
    }
    if (url.pathname === '/authorize') {
      const { redirect_uri: redirect, state: sent, code_challenge: challenge } = Object.fromEntries(url.searchParams)
      codes.set('code-1', { challenge: challenge!, redirect: redirect! })
      return void response.writeHead(302, { location: `${redirect}?code=code-1&state=${sent}` }).end()
    }
    if (url.pathname !== '/token') return void response.writeHead(404).end()
    const form = new URLSearchParams(await readText(request))
    if (form.get('grant_type') === 'refresh_token') {
      state.refreshes++
      if (state.broken) return void response.writeHead(state.broken.status).end(state.broken.text)
      const isGood = form.get('refresh_token') === state.refresh && !state.withdrawn
      return isGood ? answer(issue()) : answer({ error: 'invalid_grant' }, 400)
    }
    const known = codes.get(form.get('code')!)
    const digest = createHash('sha256').update(form.get('code_verifier')!).digest('base64url')
    const isGood = known?.challenge === digest && known.redirect === form.get('redirect_uri')
    return isGood ? answer(issue()) : answer({ error: 'invalid_grant' }, 400)
  })
  return { ...served, state }
}

let far: McpServer
let authority: Awaited<ReturnType<typeof startAuthority>>
let jan: BridgeService
beforeAll(async () => {
  authority = await startAuthority()
  far = await startMcpServer()
  far.state.before = ({ request, response }) => {
    if (authority.state.valid.has(request.headers.authorization?.slice(7) ?? '')) return false
    response.writeHead(401).end()
    return true
  }
  const metadata = far.server.listeners('request')[0] as (request: object, response: object) => void
  far.server.removeAllListeners('request').on('request', (request, response) => {
    if (!request.url?.startsWith('/.well-known/')) return metadata(request, response)
    if (!request.url.startsWith('/.well-known/oauth-protected-resource')) return response.writeHead(404).end()
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ resource: `${far.url}/mcp`, authorization_servers: [authority.url] }))
  })
  const allow = [far, authority].map(({ port }) => `127.0.0.1:${port}`).join()
  jan = await startBridge([{ name: 'calendar', url: `${far.url}/mcp`, auth: 'oauth' }], { OUTBOUND_ALLOW: allow })
})
afterAll(async () => {
  await jan.close()
  await far.close()
  await authority.close()
})

/** What a browser does, up to the page with the completion. */
async function browse(url: string): Promise<string> {
  const { headers } = await fetch(url, { redirect: 'manual' })
  const back = new URL(headers.get('location')!)
  const page = await (await fetch(`${jan.url}${back.pathname}${back.search}`)).text()
  return /<pre id="completion">([\w-]+)<\/pre>/.exec(page)![1]!
}

async function logIn() {
  const begun = await jan.api('POST', '/file_calendar/oauth/start')
  const completion = await browse(begun.body.authorization_url)
  expect(await jan.api('POST', '/file_calendar/oauth/finish', { completion })).toMatchObject({ status: 200 })
}

test('each user logs in for themselves, with PKCE, and nobody can end the login of another [B-038]', async () => {
  expect(await jan.names()).toEqual([])
  const begun = await jan.api('POST', '/file_calendar/oauth/start')
  const url = new URL(begun.body.authorization_url)
  expect(Object.fromEntries(url.searchParams)).toMatchObject({
    code_challenge_method: 'S256',
    client_id: 'registered',
    resource: `${far.url}/mcp`,
    redirect_uri: 'http://localhost:8000/v1/mcp/servers/file_calendar/oauth/callback',
  })
  const completion = await browse(url.href)
  const finish = (who: string) => jan.api('POST', '/file_calendar/oauth/finish', { completion }, [who])
  expect((await finish('bob')).status).toBe(403)
  expect((await jan.api('POST', '/file_calendar/oauth/finish', { completion: 'AAAA' })).status).toBe(400)
  expect(await finish('ada')).toMatchObject({ status: 200 })
  await jan.untilNames(['calendar__echo'])
  expect(await jan.names('bob')).toEqual([])
  expect((await jan.api('GET', '/file_calendar', undefined, ['bob'])).body.status).toBe('needs_login')
  expect(JSON.stringify(await jan.database.query('SELECT * FROM mcp_login'))).not.toContain('access-1')
  // The caller's own token is for us alone.
  expect(JSON.stringify(far.headers)).not.toContain(jan.authorization.slice(7))
})

test('an access that has ended is renewed by one, however many need it; one that was withdrawn asks for a login [B-038]', async () => {
  authority.state.valid.delete('access-1')
  authority.state.valid.add('unused')
  const before = authority.state.refreshes
  const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => jan.call('calendar__echo', { text: `n${n}` })))
  for (const [n, answer] of answers.entries()) expect(textOf(answer)).toContain(`echo n${n}`)
  expect(authority.state.refreshes - before).toBe(1)
  expect(authority.state.registrations).toBe(1)

  // A gateway's page is no answer of the authorization server: the login stays, and is good again after it.
  authority.state.valid.clear()
  authority.state.broken = { status: 502, text: '<html>Bad Gateway</html>' }
  expect(await jan.call('calendar__echo')).toMatchObject({ isError: true })
  expect(await jan.database.query('SELECT * FROM mcp_login')).toHaveLength(1)
  authority.state.broken = undefined
  authority.state.valid.add('another')
  await jan.untilNames(['calendar__echo'])
  expect(textOf(await jan.call('calendar__echo', { text: 'again' }))).toContain('echo again')

  authority.state.valid.clear()
  authority.state.withdrawn = true
  expect(await jan.call('calendar__echo')).toMatchObject({
    isError: true,
    content: [{ text: expect.stringMatching(/login/) }],
  })
  await jan.untilNames([])
  expect((await jan.api('GET', '/file_calendar')).body.status).toBe('needs_login')
  expect(await jan.database.query('SELECT * FROM mcp_login')).toEqual([])
})

test('a client that is not known any more is registered anew with the next login [B-038]', async () => {
  authority.state.withdrawn = false
  await logIn()
  await jan.untilNames(['calendar__echo'])
  authority.state.valid.clear()
  authority.state.broken = { status: 401, text: JSON.stringify({ error: 'invalid_client' }) }
  expect(await jan.call('calendar__echo')).toMatchObject({
    isError: true,
    content: [{ text: expect.stringMatching(/login/) }],
  })
  expect(await jan.database.query('SELECT * FROM mcp_login')).toHaveLength(1)
  expect(await jan.database.query('SELECT * FROM mcp_oauth_client')).toEqual([])
  authority.state.broken = undefined
  const before = authority.state.registrations
  await logIn()
  expect(authority.state.registrations - before).toBe(1)
  await jan.untilNames(['calendar__echo'])
})

test('an access is for the address that it was issued for, whatever its name comes to mean [B-038]', async () => {
  const other = await startMcpServer()
  try {
    jan.write([{ name: 'calendar', url: `${other.url}/mcp`, auth: 'oauth' }])
    await until(async () => {
      await jan.names()
      return (await jan.api('GET', '/file_calendar')).body.status === 'needs_login'
    })
    expect(JSON.stringify(other.headers)).not.toContain('access-')
  } finally {
    await other.close()
  }
})
