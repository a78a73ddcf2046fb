import { expect, test } from '@jest/globals'
import { type BridgeService, startBridge, textOf } from './bridge-start.ts'
import { keep } from './keep.ts'
import { type Authority, logIn, startAuthority, startServerWithLogin } from './oauth-server.ts'

type Far = { authority: Authority; entry: object; allow: string }
async function serverWithLogin(name: string): Promise<Far> {
  const authority = keep(await startAuthority())
  const far = keep(await startServerWithLogin(authority))
  const allow = [far, authority].map(({ port }) => `127.0.0.1:${port}`).join()
  return { authority, entry: { name, url: `${far.url}/mcp`, auth: 'oauth' }, allow }
}
const bridge = async (fars: Far[], env: Record<string, string> = {}): Promise<BridgeService> => {
  const allow = fars.map(({ allow }) => allow).join()
  return keep(
    await startBridge(
      fars.map(({ entry }) => entry),
      { OUTBOUND_ALLOW: allow, ...env },
    ),
  )
}
/** Logs them in, and then their access has ended, and the authority keeps whoever renews it waiting. */
async function expire(jan: BridgeService, { authority }: Far, server: string, who: string[]) {
  for (const each of who) expect(await logIn(jan, server, each)).toBe(200)
  for (const each of who) await jan.untilNames([`${server}__echo`], each)
  authority.state.valid.clear()
  const { promise, resolve } = Promise.withResolvers<void>()
  authority.state.answering = promise
  return { answer: resolve }
}
const refreshesOf = async ({ authority }: Far, count: number) => {
  while (authority.state.refreshes < count) await new Promise((resolve) => setTimeout(resolve, 5))
}

test('many who wait for an authorization server that hangs keep nobody from another one [B-100]', async () => {
  const slow = await serverWithLogin('slow')
  const quick = await serverWithLogin('quick')
  const jan = await bridge([slow, quick])
  const many = ['p1', 'p2', 'p3', 'p4', 'p5', 'p6']
  const { answer } = await expire(jan, slow, 'slow', many)
  const { answer: answerQuick } = await expire(jan, quick, 'quick', ['ada'])
  answerQuick()
  const waiting = many.map((who) => jan.call('slow__echo', { text: who }, who))
  await refreshesOf(slow, many.length)
  expect(textOf(await jan.call('quick__echo', { text: 'at once' }))).toContain('echo at once')
  answer()
  for (const [n, said] of (await Promise.all(waiting)).entries()) expect(textOf(said)).toContain(`echo ${many[n]}`)
}, 60_000)

test('an access is renewed once, whichever replicas need it [B-038 B-100]', async () => {
  const far = await serverWithLogin('calendar')
  const one = await bridge([far])
  const other = await bridge([far], {
    MCP_TOOLS_DATABASE_URL: one.database.url,
    AUTH_ISSUER: one.issuer.issuer,
    AUTH_JWKS_URL: one.identityUrl,
  })
  Object.assign(other.issuer, { bearer: one.issuer.bearer })
  await other.names()
  const { answer } = await expire(one, far, 'calendar', ['ada'])
  far.authority.state.answering = Promise.resolve()
  far.authority.state.valid.add('access-1')
  await other.untilNames(['calendar__echo'])
  far.authority.state.valid.clear()
  const calls = [one, other, one, other].map((jan, n) => jan.call('calendar__echo', { text: `n${n}` }))
  answer()
  for (const [n, said] of (await Promise.all(calls)).entries()) expect(textOf(said)).toContain(`echo n${n}`)
  expect(far.authority.state.refreshes).toBe(1)
}, 60_000)

test('a login that is deleted while it is renewed stays deleted, and one that is made anew stays [B-100]', async () => {
  const far = await serverWithLogin('calendar')
  const jan = await bridge([far])
  const { answer } = await expire(jan, far, 'calendar', ['ada'])
  const call = jan.call('calendar__echo')
  await refreshesOf(far, 1)
  expect((await jan.api('DELETE', '/file_calendar/oauth')).status).toBe(200)
  answer()
  expect(await call).toMatchObject({ isError: true, content: [{ text: expect.stringMatching(/login/) }] })
  expect(await jan.database.query('SELECT * FROM mcp_login')).toEqual([])

  const again = await expire(jan, far, 'calendar', ['ada'])
  const second = jan.call('calendar__echo', { text: 'mine' })
  await refreshesOf(far, 2)
  expect(await logIn(jan, 'calendar')).toBe(200)
  const [{ tokens }] = (await jan.database.query('SELECT tokens FROM mcp_login')) as [{ tokens: string }]
  again.answer()
  expect(textOf(await second)).toContain('echo mine')
  expect(await jan.database.query('SELECT tokens FROM mcp_login')).toEqual([{ tokens }])
}, 60_000)

test('what a replica that died had begun is taken up when its time is over, not before [B-100]', async () => {
  const far = await serverWithLogin('calendar')
  const jan = await bridge([far])
  const { answer } = await expire(jan, far, 'calendar', ['ada'])
  answer()
  await jan.database.query(
    "UPDATE mcp_login SET renewer = 'dead', renewing_until = now() + interval '1 second' WHERE server_id = 'file_calendar'",
  )
  const [{ until }] = (await jan.database.query(
    'SELECT extract(epoch FROM renewing_until) * 1000 AS until FROM mcp_login',
  )) as [{ until: number }]
  expect(textOf(await jan.call('calendar__echo', { text: 'later' }))).toContain('echo later')
  expect(Date.now()).toBeGreaterThanOrEqual(Math.floor(Number(until)))
  expect(far.authority.state.refreshes).toBe(1)
}, 60_000)

test('that an access was renewed is no news to those who look for other servers, a login is [B-100]', async () => {
  const far = await serverWithLogin('calendar')
  const jan = await bridge([far])
  const { answer } = await expire(jan, far, 'calendar', ['ada'])
  answer()
  const before = await jan.deps.serverStore.news()
  expect(textOf(await jan.call('calendar__echo', { text: 'renewed' }))).toContain('echo renewed')
  expect(far.authority.state.refreshes).toBe(1)
  expect(await jan.deps.serverStore.news()).toBe(before)
  expect(await logIn(jan, 'calendar')).toBe(200)
  expect(await jan.deps.serverStore.news()).not.toBe(before)
}, 60_000)
