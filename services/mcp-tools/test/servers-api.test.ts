import { createInternalTokens, parseInternalKeys } from '@jan/service-kit/internal-token'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type BridgeService, startBridge, textOf } from './bridge-start.ts'
import { type McpServer, startMcpServer, wordsOf } from './mcp-server.ts'
import { INTERNAL_TOKEN_KEYS } from './start.ts'

let far: McpServer
let jan: BridgeService
const ADMIN = ['root', 'admin']
beforeAll(async () => {
  far = await startMcpServer([wordsOf('echo')])
  jan = await startBridge('', { OUTBOUND_ALLOW: `127.0.0.1:${far.port}` })
})
afterAll(async () => {
  await jan.close()
  await far.close()
})

describe('servers that are added over the API', () => {
  test("are their owner's alone, send their secrets only to the server, and are changed and removed [B-035 B-038 B-127]", async () => {
    const made = await jan.api('POST', '', { name: 'mine', url: far.url, headers: { 'X-Key': 'hunter2' } })
    expect(made).toMatchObject({
      status: 201,
      body: { object: 'mcp.server', name: 'mine', shared: false, source: 'api', header_names: ['X-Key'] },
    })
    expect(made.text).not.toContain('hunter2')
    const [row] = await jan.database.query('SELECT * FROM mcp_server')
    expect(JSON.stringify(row)).not.toContain('hunter2')
    await jan.untilNames(['mine__echo'])
    expect(await jan.names('bob')).toEqual([])
    expect(textOf(await jan.call('mine__echo', { text: 'hi' }))).toContain('echo hi')
    expect(far.headers.every((headers) => headers['x-key'] === 'hunter2')).toBe(true)
    // Nobody's own token, and nothing else of theirs.
    expect(JSON.stringify(far.headers)).not.toContain(jan.authorization.slice(7))
    const { id } = made.body
    for (const [method, body] of [
      ['GET', undefined],
      ['PATCH', { description: 'x' }],
      ['DELETE', undefined],
    ] as const)
      expect((await jan.api(method, `/${id}`, body, ['bob'])).status).toBe(404)
    expect(await jan.api('GET', `/${id}`)).toMatchObject({ body: { status: 'ready', tools: 1 } })
    expect((await jan.api('PATCH', `/${id}`, { name: 'ours' })).status).toBe(200)
    await jan.untilNames(['ours__echo'])
    expect((await jan.api('PATCH', `/${id}`, { enabled: false })).status).toBe(200)
    await jan.untilNames([])
    expect((await jan.api('DELETE', `/${id}`)).body).toMatchObject({ id, deleted: true })
    expect((await jan.api('GET', `/${id}`)).status).toBe(404)
    expect(await jan.database.query('SELECT * FROM mcp_tool_pin')).toEqual([])
  })

  test('of another address are not told the secrets of the one before [B-038]', async () => {
    const { body } = await jan.api('POST', '', {
      name: 'moves',
      url: 'https://one.example.com/mcp',
      headers: { 'X-Key': 'hunter2' },
      enabled: false,
    })
    const moved = await jan.api('PATCH', `/${body.id}`, { url: 'https://two.example.com/mcp' })
    expect(moved.body).toMatchObject({ url: 'https://two.example.com/mcp', header_names: [] })
    await jan.api('DELETE', `/${body.id}`)
  })

  test('are for everyone when an admin says so, and only then [B-035]', async () => {
    const input = { name: 'shared', url: far.url, shared: true }
    expect((await jan.api('POST', '', input)).status).toBe(403)
    const { body } = await jan.api('POST', '', input, ADMIN)
    await jan.untilNames(['shared__echo'], 'bob')
    expect(await jan.api('GET', `/${body.id}`, undefined, ['bob'])).toMatchObject({ status: 200, body: { url: null } })
    expect((await jan.api('PATCH', `/${body.id}`, { enabled: false }, ['bob'])).status).toBe(403)
    expect((await jan.api('POST', '', { name: 'Sha-red', url: far.url }, ['bob'])).status).toBe(409)
    expect((await jan.api('DELETE', `/${body.id}`, undefined, ADMIN)).status).toBe(200)
    await jan.untilNames([], 'bob')
  })

  test('are nothing for guests [B-035]', async () => {
    const input = { name: 'mine', url: far.url }
    expect((await jan.api('POST', '', input, ['gus', 'guest'])).status).toBe(403)
    expect((await jan.api('GET', '', undefined, ['gus', 'guest'])).status).toBe(403)
  })

  test.each([
    ['a process', { type: 'stdio', command: 'sh' }],
    ['a command beside an address', { command: 'sh' }],
    ['a private address', { url: 'http://10.0.0.1/mcp' }],
    ['loopback', { url: 'http://127.0.0.1:1/mcp' }],
    ['loopback in disguise', { url: 'http://[::ffff:127.0.0.1]/mcp' }],
    ['the metadata of a cloud', { url: 'http://169.254.169.254/' }],
    ['a password in the address', { url: 'https://u:p@example.com/' }],
    ['a file', { url: 'file:///etc/passwd' }],
    ['a name of ours', { name: 'jan' }],
    ['a name that looks like ours', { name: 'P1atform' }],
    ['a name with the separator in it', { name: 'a__b' }],
    ['a header of the connection', { headers: { Host: 'evil.test' } }],
    ['a header with a line end', { headers: { 'x-a': 'b\r\nc: d' } }],
  ])('%s is refused in the manner of OpenAI [B-035 B-040]', async (_what, more) => {
    const { status, body } = await jan.api('POST', '', { name: 'fine', url: 'https://example.com/mcp', ...more })
    expect([status, body.error?.type]).toEqual([400, 'invalid_request_error'])
  })

  test('whose name leads to a private address is never dialled [B-035]', async () => {
    const port = new URL(far.url).port
    const before = far.headers.length
    // A name passes as text; its address is judged at the connection, whatever it was before.
    const { status, body } = await jan.api('POST', '', { name: 'rebound', url: 'http://localhost/mcp' })
    expect(status).toBe(201)
    await jan.names()
    expect((await jan.api('GET', `/${body.id}`)).body).toMatchObject({
      status: 'down',
      reason: expect.stringMatching(/public internet/),
    })
    expect((await jan.api('PATCH', `/${body.id}`, { url: `http://localhost:${port}/mcp` })).status).toBe(400)
    await jan.api('DELETE', `/${body.id}`)
    expect(far.headers.length).toBe(before)
  })

  test('are fifty at most, however many come at once [B-105]', async () => {
    await jan.database.query(`INSERT INTO mcp_server
      SELECT 'mcps_' || n, 'max', 'server' || n, '', 'http', 'https://example.com/', 'none', NULL, '{}', true, 1000, 'max',
        now(), now() FROM generate_series(1, 47) n`)
    const names = ['cherry', 'walnut', 'papaya', 'quince', 'medlar', 'sumac', 'fig', 'date']
    const add = async (name: string) =>
      (await jan.api('POST', '', { name, url: 'https://example.com/mcp' }, ['max'])).status
    const statuses = await Promise.all(names.map(add))
    expect(statuses.toSorted()).toEqual([201, 201, 201, 409, 409, 409, 409, 409])
  })

  test('are forgotten with their workspace, and told to their owner without secrets [B-035 B-038]', async () => {
    await jan.api('POST', '', { name: 'gone', url: far.url, headers: { 'X-Key': 'hunter2' } }, ['eve'])
    const tokens = createInternalTokens('llm-api', parseInternalKeys(INTERNAL_TOKEN_KEYS))
    const ask = async (method: string, path: string) => {
      const token = await tokens.mint('mcp-tools', { kind: 'service', service: 'llm-api' })
      const headers = { authorization: `Bearer ${token}` }
      return fetch(`${jan.url}/internal/workspaces/eve${path}`, { method, headers })
    }
    const told = await (await ask('GET', '/export')).text()
    expect(JSON.parse(told)).toMatchObject({ mcp_servers: [{ name: 'gone', header_names: ['X-Key'] }] })
    expect(told).not.toContain('hunter2')
    expect((await ask('DELETE', '')).status).toBe(204)
    expect(await jan.database.query("SELECT * FROM mcp_server WHERE workspace_id = 'eve'")).toEqual([])
  })

  test('tell their owner who may accept what a tool has become, and a tool that is not there is 404 [B-107]', async () => {
    const { body } = await jan.api('POST', '', { name: 'shifty', url: far.url })
    await jan.untilNames(['shifty__echo'])
    const before = far.state.tools
    far.state.tools = [wordsOf('echo', { description: 'Something else' })]
    far.tellChanged()
    await jan.untilNames([])
    const [tool] = (await jan.api('GET', `/${body.id}/tools`)).body.data
    expect(tool).toMatchObject({ state: 'changed', reason: expect.stringMatching(/its owner has to accept/) })
    const accept = (name: string) => jan.api('POST', `/${body.id}/tools/accept`, { tool: name, hash: tool.hash })
    expect((await accept('nothing')).status).toBe(404)
    expect((await accept('echo')).status).toBe(200)
    await jan.untilNames(['shifty__echo'])
    far.state.tools = before
    await jan.api('DELETE', `/${body.id}`)
  })
})
