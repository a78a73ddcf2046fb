import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createServerStore } from '../src/servers/servers.store.ts'
import { type BridgeService, startBridge, textOf } from './bridge-start.ts'
import { type McpServer, startMcpServer } from './mcp-server.ts'

/** One service, and a server for each test. */
const NAMES = ['refusing', 'locked', 'restarted', 'holding', 'telling'] as const
let jan: BridgeService
let servers: Record<(typeof NAMES)[number], McpServer>

beforeAll(async () => {
  const started = await Promise.all(NAMES.map(async (name) => [name, await startMcpServer()] as const))
  servers = Object.fromEntries(started) as typeof servers
  jan = await startBridge(started.map(([name, { url }]) => ({ name, url })))
  for (const name of NAMES) await jan.untilOffered(name, ['echo'])
})
afterAll(async () => {
  await jan.close()
  await Promise.all(Object.values(servers).map((server) => server.close()))
})

const countOf = (far: McpServer, method: string) => far.seen.filter((message) => message.method === method).length

test('a JSON-RPC error 401 or 404 fails one call, which is sent once; the server stays for everyone [B-036]', async () => {
  const far = servers.refusing
  const honest = far.state.call
  for (const code of [401, 404]) {
    far.state.call = ({ message, response }) =>
      void response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id: message.id, error: { code, message: 'as I like' } }))
    const before = countOf(far, 'tools/call')
    expect(await jan.call('refusing__echo')).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/refused/) }],
    })
    expect(countOf(far, 'tools/call') - before).toBe(1)
  }
  far.state.call = honest
  expect(textOf(await jan.call('refusing__echo', { text: 'still' }))).toContain('echo still')
  expect(countOf(far, 'initialize')).toBe(1)
  expect((await jan.api('GET', '/file_refusing')).body.status).toBe('ready')
})

test('HTTP 401 from a server that nobody can log in to does not shut it away for ever [B-037]', async () => {
  const far = servers.locked
  far.state.before = ({ response }) => {
    response.writeHead(401).end()
    return true
  }
  await jan.call('locked__echo')
  await jan.untilOffered('locked', [])
  expect((await jan.api('GET', '/file_locked')).body.status).toBe('down')
  far.state.before = () => false
  await jan.untilOffered('locked', ['echo'])
})

test('of many calls that a restart has met, none ends the connection that another has made anew [B-037]', async () => {
  const far = servers.restarted
  const greetings = countOf(far, 'initialize')
  const held: (() => void)[] = []
  let isForgotten = true
  far.state.before = ({ message, response }) => {
    if (message.method === 'initialize') isForgotten = false
    if (message.method !== 'tools/call' || !isForgotten) return false
    held.push(() => response.writeHead(404).end())
    return true
  }
  const calls = Array.from({ length: 4 }, (_, n) => jan.call('restarted__echo', { text: `n${n}` }))
  await until(() => held.length === 4)
  held[0]!()
  await Promise.race(calls)
  for (const refuse of held.slice(1)) refuse()
  for (const [n, answer] of (await Promise.all(calls)).entries()) expect(textOf(answer)).toContain(`echo n${n}`)
  expect(countOf(far, 'initialize') - greetings).toBe(1)
})

test('a call that has ended leaves no socket behind, however long its server would hold it [B-041]', async () => {
  const far = servers.holding
  let closed = 0
  far.state.call = ({ message, response }) => {
    response.on('close', () => closed++)
    const result = { content: [{ type: 'text', text: 'held' }] }
    response
      .writeHead(200, { 'content-type': 'text/event-stream' })
      .write(`data: ${JSON.stringify({ jsonrpc: '2.0', id: message.id, result })}\n\n`)
  }
  const lists = countOf(far, 'tools/list')
  for (let n = 0; n < 3; n++) expect(textOf(await jan.call('holding__echo'))).toContain('held')
  await until(() => closed === 3)
  expect(countOf(far, 'tools/list')).toBe(lists)
  expect((await jan.api('GET', '/file_holding')).body.status).toBe('ready')
})

test('a server that tells of changes without end is asked seldom [B-039]', async () => {
  const far = servers.telling
  const lists = countOf(far, 'tools/list')
  for (let n = 0; n < 50; n++) {
    far.tellChanged()
    await jan.call('telling__echo')
  }
  expect(countOf(far, 'tools/list') - lists).toBeLessThanOrEqual(3)
})

test('a change of a server is news, whatever the clock of who made it says [B-035]', async () => {
  const made = await jan.api('POST', '', { name: 'mine', url: 'http://8.8.8.8/mcp' })
  expect(made.status).toBe(201)
  const { db } = jan.deps
  const store = (at: number) => createServerStore({ db, now: () => new Date(at) })
  const before = await store(0).news()
  await store(0).update(made.body.id, { description: 'one' })
  const between = await store(0).news()
  await store(0).update(made.body.id, { description: 'two' })
  expect(new Set([before, between, await store(0).news()]).size).toBe(3)
})

test('no more tools of a server are pinned than it may have had, those that are known stay known [B-039]', async () => {
  const seen = (...names: string[]) =>
    names.map((name) => ({ definition: { name, inputSchema: {} }, hash: `hash of ${name}` }))
  const see = async (...names: string[]) => [...(await jan.deps.toolPins.see('srv', seen(...names), 3)).keys()]
  expect(await see('a', 'b')).toEqual(['a', 'b'])
  expect(await see('c', 'd', 'e')).toEqual(['a', 'b', 'c'])
  expect(await see('a', 'f')).toEqual(['a', 'b', 'c'])
})
