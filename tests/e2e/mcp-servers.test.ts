import { createServer, type Server } from 'node:http'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { type Answer, at, get, guestToken, type Json, send } from '../platform.ts'
import { callTool, connectV2, rpc, toolNames } from './mcp.ts'
import { newAdmin, newUser } from './people.ts'

/** Who may add servers and change rules at the gateway, and what comes of it for others. */

/** A server of SDK v1, as people run one; it keeps no sessions. */
function createForeignServer(): Server {
  return createServer(async (request, response) => {
    const server = new McpServer({ name: 'harbour', version: '1' })
    server.registerTool('tell_tide', { description: 'Tells the tide', annotations: { readOnlyHint: true } }, () => ({
      content: [{ type: 'text', text: `high, for ${request.headers['x-key']}` }],
    }))
    server.registerTool('sink_ship', { description: 'Sinks a ship' }, async ({ _meta, sendNotification }) => {
      const params = { progressToken: _meta?.progressToken ?? 0, progress: 1, message: 'It leans' }
      await sendNotification({ method: 'notifications/progress', params })
      await new Promise<void>((resolve) => {
        sink = resolve
      })
      return { content: [{ type: 'text', text: 'sunk' }] }
    })
    const transport = new StreamableHTTPServerTransport({})
    await server.connect(transport as never)
    await transport.handleRequest(request, response)
  })
}

let foreign: Server
/** Lets the ship sink that waits for it. */
let sink = () => {}
let [guest, user, other, admin]: string[] = []
beforeAll(async () => {
  foreign = createForeignServer().listen(Number(new URL(at('bridged')).port), 'localhost')
  const people = [newUser(), newUser(), newAdmin()]
  ;[guest, user, other, admin] = [await guestToken(), ...(await Promise.all(people)).map(({ token }) => token)]
})
afterAll(async () => {
  foreign.closeAllConnections()
  await new Promise((closed) => foreign.close(closed))
})

const servers = (method: string, path: string, token: string | undefined, body?: object): Promise<Answer> =>
  send(method, at('gateway', `/v1/mcp/servers${path}`), { token: token!, ...(body ? { body } : {}) })
const policy = (method: string, token: string | undefined, body?: object): Promise<Answer> =>
  send(method, at('gateway', '/v1/mcp/policy'), { ...(token ? { token } : {}), ...(body ? { body } : {}) })

const url = at('bridged', '/mcp')

test('a user adds a server, uses its tools alone, changes and removes it [B-035 B-038 B-085]', async () => {
  const made = await servers('POST', '', user, { name: 'harbour', url, headers: { 'X-Key': 'hunter2' } })
  expect(made).toMatchObject({ status: 201, body: { name: 'harbour', shared: false, header_names: ['X-Key'] } })
  expect(JSON.stringify(made.body)).not.toContain('hunter2')
  const { id } = made.body
  const client = await connectV2('/v1/mcp', user!)
  const names = async () => (await client.listTools()).tools.map(({ name }: Json) => name)
  await until(async () => (await names()).includes('harbour__tell_tide'))
  expect(await client.callTool({ name: 'harbour__tell_tide', arguments: {} })).toMatchObject({
    content: [{ text: expect.stringContaining('high, for hunter2') }],
  })
  expect((await servers('GET', '', user)).body.data).toContainEqual(expect.objectContaining({ id, status: 'ready' }))
  for (const token of [other, guest]) {
    expect(await toolNames(token!)).not.toContain('harbour__tell_tide')
    expect(await callTool(token!, 'harbour__tell_tide')).toMatchObject({ code: -32602 })
  }
  expect((await servers('GET', '', other)).body.data).not.toContainEqual(expect.objectContaining({ id }))
  for (const [method, body] of [['GET'], ['PATCH', { enabled: false }], ['DELETE']] as const)
    expect([method, (await servers(method, `/${id}`, other, body)).status]).toEqual([method, 404])
  expect((await servers('PATCH', `/${id}`, user, { name: 'port' })).body).toMatchObject({ id, name: 'port' })
  await until(async () => (await names()).includes('port__tell_tide'))
  expect((await servers('DELETE', `/${id}`, user)).body).toMatchObject({ id, deleted: true })
  await until(async () => !(await names()).includes('port__tell_tide'))
  expect((await servers('GET', `/${id}`, user)).status).toBe(404)
  await client.close()
})

test.each([
  ['of 2025-11-25', {}],
  ['of 2026-07-28', { versionNegotiation: { mode: 'auto' } }],
] as const)(
  'a client %s is asked about what destroys, and hears of progress as it happens [B-036 B-045 B-085]',
  async (_revision, options) => {
    const { id } = (await servers('POST', '', user, { name: 'navy', url })).body
    const client = new Client({ name: 'test', version: '1' }, { capabilities: { elicitation: {} }, ...options })
    let answer: 'accept' | 'decline' = 'decline'
    const questions: string[] = []
    client.setRequestHandler('elicitation/create', ({ params }) => {
      questions.push(params.message)
      return { action: answer, content: { approve: true } } as never
    })
    const requestInit = { headers: { authorization: `Bearer ${user}` } }
    await client.connect(new StreamableHTTPClientTransport(new URL(at('gateway', '/mcp')), { requestInit }))
    await until(async () => (await toolNames(user!)).includes('navy__sink_ship'))
    const call = { name: 'navy__sink_ship', arguments: {} }
    expect(await client.callTool(call)).toMatchObject({ isError: true })
    answer = 'accept'
    const heard: string[] = []
    const onprogress = ({ message }: { message?: string }) => {
      // SDK v2 tells of its own questions, too.
      if (message !== 'It leans') return
      heard.push(message)
      // Only now: what was kept back on the way would never come.
      sink()
    }
    expect(await client.callTool(call, { onprogress })).toMatchObject({
      content: [{ text: expect.stringContaining('sunk') }],
    })
    expect([heard, questions.length]).toEqual([['It leans'], 2])
    expect(questions[0]).toContain('navy__sink_ship')
    await client.close()
    await servers('DELETE', `/${id}`, user)
  },
)

test.each([
  ['a private address', { url: 'http://10.0.0.1/mcp' }, /not on the public internet/],
  ['a service of the platform', { url: at('llm-api', '/mcp') }, /Only ports 80 and 443/],
  ['a process', { type: 'stdio', command: 'sh', url: undefined }, /type/],
  ['a name of ours', { name: 'jan' }, /name of this platform/],
])('%s is refused [B-035 B-085]', async (_what, more, reason) => {
  const { status, body } = await servers('POST', '', user, { name: 'mine', url: 'https://example.com/mcp', ...more })
  expect([status, body.error]).toMatchObject([400, { message: expect.stringMatching(reason) }])
})

test('guests have no servers, and only admins share one; guests neither see nor call it [B-035 B-044 B-085]', async () => {
  const shared = { name: 'pier', url, shared: true }
  expect((await servers('POST', '', guest, { name: 'mine', url })).status).toBe(403)
  expect((await servers('POST', '', user, shared)).status).toBe(403)
  const { id } = (await servers('POST', '', admin, shared)).body
  await until(async () => (await toolNames(other!)).includes('pier__tell_tide'))
  expect(await toolNames(guest!)).not.toContain('pier__tell_tide')
  expect((await rpc('tools/call', { name: 'pier__tell_tide', arguments: {} }, { token: guest })).body.error).toEqual({
    code: -32602,
    message: 'Unknown tool: pier__tell_tide',
  })
  const open = (await get(at('gateway', '/v1/mcp/tools'))).body.tools.map(({ name }: Json) => name)
  expect(open).not.toContain('pier__tell_tide')
  expect((await servers('DELETE', `/${id}`, admin)).status).toBe(200)
})

test('an admin changes the rules, and nobody else sees them [B-043 B-047 B-086]', async () => {
  const before = await policy('GET', admin)
  expect(before).toMatchObject({ status: 200, body: { object: 'tool_policy', source: 'file' } })
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const body = method === 'PUT' ? { rules: [{ decide: 'allow' }] } : undefined
    for (const [token, status] of [
      [undefined, 401],
      [guest, 403],
      [user, 403],
    ] as const)
      expect([method, (await policy(method, token, body)).status]).toEqual([method, status])
  }
  expect((await policy('PUT', admin, { rules: [{ decide: 'perhaps' }] })).status).toBe(400)
  // What the other suites do stays allowed.
  const rule = { name: 'not there', tool: 'get_time', arguments: { '/timezone': 'Antarctica/Troll' }, decide: 'deny' }
  const rules = [rule, ...before.body.policy.rules]
  expect((await policy('PUT', admin, { ...before.body.policy, rules })).body).toMatchObject({ source: 'database' })
  const timeIn = (timezone: string) => callTool(guest!, 'get_time', { timezone })
  expect(await timeIn('Antarctica/Troll')).toMatchObject({
    isError: true,
    content: [{ text: expect.stringContaining('not there') }],
  })
  expect((await timeIn('Europe/Lisbon')).isError ?? false).toBe(false)
  expect((await policy('DELETE', admin)).body).toMatchObject({ source: 'file', policy: before.body.policy })
  expect((await timeIn('Antarctica/Troll')).isError ?? false).toBe(false)
})
