import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type BridgeService, startBridge, textOf } from './bridge-start.ts'
import { type McpServer, startMcpServer } from './mcp-server.ts'
import { type Authority, browse, logIn, startAuthority, startServerWithLogin } from './oauth-server.ts'

let far: McpServer
let authority: Authority
let jan: BridgeService
beforeAll(async () => {
  authority = await startAuthority()
  far = await startServerWithLogin(authority)
  const allow = [far, authority].map(({ port }) => `127.0.0.1:${port}`).join()
  jan = await startBridge([{ name: 'calendar', url: `${far.url}/mcp`, auth: 'oauth' }], { OUTBOUND_ALLOW: allow })
})
afterAll(async () => {
  await jan.close()
  await far.close()
  await authority.close()
})

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
  const completion = await browse(jan, url.href)
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
  expect(await logIn(jan, 'calendar')).toBe(200)
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
  expect(await logIn(jan, 'calendar')).toBe(200)
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

test('a login that ends while its server is deleted leaves nothing behind [B-105]', async () => {
  const { body } = await jan.api('POST', '', { name: 'brief', url: `${far.url}/mcp`, auth: 'oauth' })
  const begun = await jan.api('POST', `/${body.id}/oauth/start`)
  const completion = await browse(jan, begun.body.authorization_url)
  const exchanging = Promise.withResolvers<void>()
  authority.state.exchanging = exchanging.promise
  const before = authority.state.exchanges
  const finishing = jan.api('POST', `/${body.id}/oauth/finish`, { completion })
  await until(() => authority.state.exchanges > before)
  expect((await jan.api('DELETE', `/${body.id}`)).status).toBe(200)
  exchanging.resolve()
  expect((await finishing).status).toBe(404)
  expect(await jan.database.query(`SELECT * FROM mcp_login WHERE server_id = '${body.id}'`)).toEqual([])
})

test('the secret of a client goes to the issuer that it was configured with, and to no other [B-106]', async () => {
  const started = async (name: string, oauth: object) => {
    const { body } = await jan.api('POST', '', { name, url: `${far.url}/mcp`, auth: 'oauth', oauth })
    return jan.api('POST', `/${body.id}/oauth/start`)
  }
  const client = { client_id: 'ours', client_secret: 'hunter2' }
  const there = await started('there', { ...client, issuer: authority.url })
  expect(new URL(there.body.authorization_url).searchParams.get('client_id')).toBe('ours')
  const elsewhere = await started('elsewhere', { ...client, issuer: 'https://login.example.com' })
  expect(elsewhere).toMatchObject({ status: 502, body: { message: expect.stringContaining('oauth.issuer') } })
  for (const oauth of [client, { ...client, issuer: 'nowhere' }])
    expect(await jan.api('POST', '', { name: 'unnamed', url: `${far.url}/mcp`, auth: 'oauth', oauth })).toMatchObject({
      status: 400,
      body: { error: { param: 'oauth.issuer' } },
    })
})
