import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Notes, rpc, startNotes } from './notes-app.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers are judged by their shape
type Json = any

let app: Notes
beforeAll(async () => {
  app = await startNotes()
})
afterAll(() => app.close())

const list = rpc('tools/list')

test.each(['/mcp', '/mcp/'])('%s answers whoever says nothing of types, with JSON [B-049 P-110]', async (path) => {
  for (const accept of ['*/*', 'application/json', 'application/json, text/event-stream']) {
    const answer = await app.post(list, { accept }, path)
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      expect.stringMatching(/^application\/json/),
    ])
    expect(((await answer.json()) as Json).result.tools.length).toBeGreaterThan(3)
  }
})

test('an event stream is for those who take nothing else [B-049]', async () => {
  const answer = await app.post(list, { accept: 'text/event-stream' })
  expect([answer.status, answer.headers.get('content-type')]).toEqual([
    200,
    expect.stringMatching(/^text\/event-stream/),
  ])
  expect(await answer.text()).toMatch(/^event: message\n(id: .*\n)?data: \{.*"list_notes"/m)
  expect((await app.post(list, { accept: 'text/html' })).status).toBe(406)
})

test('initialize is answered, notifications are taken, batches as long as there were any [B-049]', async () => {
  const hello = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } }
  const initialized = (await (await app.post(rpc('initialize', hello))).json()) as Json
  expect(initialized.result).toMatchObject({
    protocolVersion: '2025-06-18',
    capabilities: { tools: {} },
    serverInfo: { name: 'jan-notes', version: '1.2.3' },
  })
  expect((await app.post({ jsonrpc: '2.0', method: 'notifications/initialized' })).status).toBe(202)
  const batch = (await (await app.post([rpc('ping', {}, 1), rpc('ping', {}, 2)])).json()) as Json
  expect(batch.map(({ id }: Json) => id).sort()).toEqual([1, 2])
  const many = Array.from({ length: 101 }, (_, id) => rpc('ping', {}, id))
  expect((await app.post(many)).status).toBe(400)
})

test('what is no message is refused as JSON-RPC says [B-049]', async () => {
  const refused = async (body: unknown, headers?: Record<string, string>) => {
    const answer = await app.post(body, headers)
    return [answer.status, ((await answer.json()) as Json).error.code]
  }
  expect(await refused('{"jsonrpc":')).toEqual([400, -32700])
  expect((await refused('{"a":1}'))[0]).toBe(400)
  expect((await refused(list, { 'content-type': 'text/plain' }))[0]).toBe(415)
  expect(await refused(list, { 'mcp-protocol-version': '1999-01-01' })).toEqual([400, -32000])
  expect(await refused(rpc('tools/call', { name: 'count_notes', arguments: {} }))).toEqual([200, -32602])
  expect(await refused(rpc('nonsense'))).toEqual([200, -32601])
  expect(await refused(JSON.stringify({ ...list, params: { x: 'x'.repeat(5 << 20) } }))).toEqual([413, -32000])
})

test('other methods are not allowed, and say which is [B-049]', async () => {
  const headers = await app.bearer('ada')
  for (const method of ['GET', 'DELETE']) {
    const answer = await fetch(`${app.url}/mcp`, { method, headers })
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST'])
  }
})

test('without a good token nobody is let in, and is told where to sign in [B-049]', async () => {
  for (const authorization of ['', 'Bearer nonsense']) {
    const answer = await app.post(list, { authorization })
    const told = answer.headers.get('www-authenticate')!
    expect([answer.status, ((await answer.json()) as Json).error.code]).toEqual([401, -32000])
    expect(told).toMatch(
      /^Bearer .*resource_metadata="https:\/\/jan\.example\/notes\/\.well-known\/oauth-protected-resource\/mcp"$/,
    )
  }
  // The gateway takes the prefix away.
  for (const path of ['/.well-known/oauth-protected-resource/mcp', '/.well-known/oauth-protected-resource'])
    expect(await (await fetch(app.url + path)).json()).toMatchObject({
      resource: 'https://jan.example/notes/mcp',
      authorization_servers: ['https://identity.example'],
    })
  expect((await fetch(`${app.url}/v1/notes`)).headers.get('www-authenticate')).not.toContain('resource_metadata')
})

test('pages of elsewhere are turned away [B-049]', async () => {
  const status = async (origin: string) => (await app.post(list, { origin })).status
  expect(await status('https://evil.example')).toBe(403)
  expect(await status('null')).toBe(403)
  expect(await status('https://jan.example')).toBe(200)
  expect(await status('https://app.example')).toBe(200)
  expect(await status('http://localhost:3000')).toBe(200)
})

test('nothing is there until it is switched on [B-049 P-110]', async () => {
  const off = await startNotes({ enabled: false })
  for (const path of ['/mcp', '/mcp/']) expect((await off.post(list, {}, path)).status).toBe(404)
  expect((await fetch(`${off.url}/.well-known/oauth-protected-resource/mcp`)).status).toBe(404)
  await off.close()
})
