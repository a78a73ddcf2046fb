import { createAppWithTools } from '@jan/route-tools/create-app-with-tools'
import { bearerAuth, type Caller, type Person } from '@jan/service-kit/auth'
import { notFound } from '@jan/service-kit/errors'
import { connectPeer } from '@jan/service-kit/http-client'
import { createInternalTokens, parseInternalKeys } from '@jan/service-kit/internal-token'
import { createServerFor } from '@jan/service-kit/lifecycle'
import { silentLogger } from '@jan/service-kit/logger'
import { createMetrics } from '@jan/service-kit/metrics'
import { type Route, route } from '@jan/service-kit/route'
import { type Served, serve } from '@jan/testkit/serve'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { z } from 'zod'
import { createPlatformSource } from '../src/platform-tools/create-platform-source.ts'
import { INTERNAL_TOKEN_KEYS, startService, type TestService } from './start.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers are judged by their shape
type Json = any

const KEYS = parseInternalKeys(INTERNAL_TOKEN_KEYS)
const Thing = z.looseObject({ of: z.string(), via: z.string().optional() })

/** What a stand-in was asked, and what became of calls that wait. */
type Seen = { lists: number; waiting: number; left: number }

/** One of our services, with operations of its own, as it judges internal tokens and rights itself. */
async function startFake(service: string, routes: (seen: Seen) => Route[], enabled = true) {
  const seen: Seen = { lists: 0, waiting: 0, left: 0 }
  const { handler } = createAppWithTools({
    service,
    version: '1.0.0',
    log: silentLogger,
    metrics: createMetrics(service),
    authenticate: bearerAuth({
      issuer: 'http://identity.test',
      audience: ['jan'],
      jwksUrl: 'http://identity.test',
      internal: createInternalTokens(service, KEYS),
    }),
    routes: routes(seen),
    dependencies: [],
    bodyLimit: 1 << 20,
    mcp: { enabled, publicUrl: 'http://localhost:8000', issuer: 'http://identity.test', allowedOrigins: [] },
  })
  const served = await serve((request, response) => {
    if (request.headers['mcp-method'] === 'tools/list') seen.lists += 1
    handler(request, response)
  })
  return { ...served, seen }
}

const common = { method: 'get', auth: 'person', answers: { 200: Thing }, tool: {} } as const
const things = (seen: Seen): Route[] => [
  route({
    ...common,
    operation: 'get_thing',
    path: '/v1/things/{id}',
    summary: 'Get a thing',
    scope: 'chat',
    params: z.object({ id: z.string() }),
    handler: ({ params: { id }, who: { caller } }) => {
      if (id !== caller.subject) throw notFound('Thing', id)
      return { of: caller.subject, ...(caller.via ? { via: caller.via } : {}) }
    },
  }),
  route({
    ...common,
    operation: 'wait_for_thing',
    path: '/v1/things-to-come',
    summary: 'Wait',
    handler: ({ who }) =>
      new Promise((_resolve, reject) => {
        seen.waiting += 1
        who.signal.addEventListener('abort', () => {
          seen.left += 1
          reject(who.signal.reason)
        })
      }),
  }),
]
const songs = (): Route[] => [
  route({
    ...common,
    operation: 'count_songs',
    path: '/v1/songs',
    summary: 'Count the songs',
    scope: 'media',
    handler: ({ who }) => ({ of: who.caller.subject, songs: 7 }),
  }),
]

type Fake = Awaited<ReturnType<typeof startFake>>
let llmApi: Fake
let mediaApi: Fake
let hung: Served
beforeAll(async () => {
  llmApi = await startFake('llm-api', things)
  mediaApi = await startFake('media-api', songs)
  hung = await serve(() => undefined)
})
afterAll(() => Promise.all([llmApi.close(), mediaApi.close(), hung.close()]))

describe('mcp-tools with MCP_PLATFORM_TOOLS', () => {
  let service: TestService
  beforeAll(async () => {
    service = await startService({
      MCP_PLATFORM_TOOLS: 'True',
      LLM_API_URL: llmApi.url,
      MEDIA_API_URL: mediaApi.url,
      RESPONSE_API_URL: 'http://127.0.0.1:9',
    })
  })
  afterAll(() => service.close())

  const ask = async (method: string, params: object, headers: Record<string, string> = {}): Promise<Json> =>
    ((await (await service.post({ jsonrpc: '2.0', id: 1, method, params }, headers)).json()) as Json).result
  const call = (name: string, args: object = {}, headers?: Record<string, string>) =>
    ask('tools/call', { name, arguments: args }, headers)
  const actingFor = async (more: Partial<Person>) => ({
    authorization: `Bearer ${await service.internal.mint('mcp-tools', { ...ada, ...more })}`,
  })

  test('offers the operations of all services that are there, as they describe them [B-049]', async () => {
    const { tools } = await ask('tools/list', {})
    const platform = tools.filter(({ name }: Json) => name.startsWith('jan__'))
    expect(platform.map(({ name }: Json) => name)).toEqual([
      'jan__count_songs',
      'jan__get_thing',
      'jan__wait_for_thing',
    ])
    expect(platform[1]).toMatchObject({
      title: 'Get thing',
      description: 'Get a thing',
      inputSchema: { type: 'object', required: ['id'] },
      outputSchema: { type: 'object', required: ['of'] },
      annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    })
  })

  test('calls them for the caller, and for nobody else [B-048 B-049]', async () => {
    expect((await call('jan__get_thing', { id: 'ada' })).structuredContent).toEqual({ of: 'ada', via: 'mcp-tools' })
    expect((await call('jan__count_songs')).structuredContent).toEqual({ of: 'ada', songs: 7 })
    expect(await call('jan__get_thing', { id: 'bob' })).toMatchObject({
      isError: true,
      content: [{ text: "Thing 'bob' was not found (not_found)" }],
      _meta: { 'jan/error': { code: 'not_found', status: 404 } },
    })
    expect(await call('jan__get_thing', { wrong: 1 })).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining("no argument 'wrong'") }],
      _meta: { 'jan/code': -32602 },
    })
  })

  test('passes on what the operation says, and nothing that its service says of itself [B-081]', async () => {
    const songs = { of: 'ada', songs: 7 }
    expect(await call('jan__count_songs')).toEqual({
      content: [{ type: 'text', text: JSON.stringify(songs) }],
      structuredContent: songs,
    })
    const refused = await call('jan__get_thing', { id: 'bob' })
    expect(Object.keys(refused).sort()).toEqual(['_meta', 'content', 'isError'])
    expect(Object.keys(refused._meta).sort()).toEqual(['jan/code', 'jan/error'])
  })

  test('shows and does for a key what the key is good for, never more [B-048 B-049]', async () => {
    const key = { kind: 'key' as const, scopes: ['mcp', 'media'] }
    const { tools } = await ask('tools/list', {}, await actingFor(key))
    expect(tools.map(({ name }: Json) => name)).toEqual(expect.arrayContaining(['jan__count_songs']))
    expect(tools.map(({ name }: Json) => name)).not.toContain('jan__get_thing')
    expect((await call('jan__count_songs', {}, await actingFor(key))).structuredContent).toMatchObject({ of: 'ada' })
  })

  test('stops a call whose client of 2026-07-28 has left [B-049]', async () => {
    const leaving = new AbortController()
    const pending = fetch(service.mcpUrl, {
      method: 'POST',
      signal: leaving.signal,
      headers: {
        authorization: service.authorization,
        'content-type': 'application/json',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': 'jan__wait_for_thing',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: {
          name: 'jan__wait_for_thing',
          arguments: {},
          _meta: {
            'io.modelcontextprotocol/protocolVersion': '2026-07-28',
            'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
            'io.modelcontextprotocol/clientCapabilities': {},
          },
        },
      }),
    })
    await until(() => llmApi.seen.waiting === 1)
    leaving.abort()
    await expect(pending).rejects.toThrow('aborted')
    await until(() => llmApi.seen.left === 1)
  })
})

const ada: Person = { kind: 'user', subject: 'ada', workspaceId: 'ada', roles: ['user'] }

/** The source alone, on a clock of the test's. */
function sourceOf(urls: Record<string, string>, log = silentLogger) {
  let at = Date.parse('2026-01-01')
  const tokens = createInternalTokens('mcp-tools', KEYS)
  const peers = Object.entries(urls).map(([service, baseUrl]) => [
    service,
    connectPeer({ service, baseUrl, tokens, timeoutMs: 30_000 }),
  ])
  const services = Object.fromEntries(peers)
  const source = createPlatformSource({ services, log, now: () => new Date(at) })
  return {
    names: async (caller: Caller = ada) => (await source.tools(caller)).map(({ name }) => name),
    tools: () => source.tools(ada),
    pass: (ms: number) => {
      at += ms
    },
    close: () => Promise.all(Object.values(services).map((peer: Json) => peer.close())),
  }
}

test('a list is asked for once a minute for all who may the same [B-049]', async () => {
  const fake = await startFake('llm-api', things)
  const source = sourceOf({ 'llm-api': fake.url })
  const [first] = await Promise.all([source.tools(), source.tools(), source.names({ ...ada, subject: 'bob' })])
  expect([first.length, fake.seen.lists]).toEqual([2, 1])
  source.pass(59_000)
  expect((await source.tools())[0]).toBe(first[0])
  expect(await source.names({ ...ada, kind: 'key', scopes: ['mcp'] })).toEqual(['jan__wait_for_thing'])
  expect(fake.seen.lists).toBe(2)
  source.pass(2_000)
  await source.tools()
  await until(() => fake.seen.lists === 3)
  // Nothing changed, so they are the same.
  expect((await source.tools())[0]).toBe(first[0])
  await source.close()
  await fake.close()
})

test('a service that goes takes its tools along, and nothing else; with it they come back [B-049]', async () => {
  const fake = await startFake('llm-api', things)
  const source = sourceOf({ 'llm-api': fake.url, 'media-api': mediaApi.url })
  expect(await source.names()).toEqual(['jan__get_thing', 'jan__wait_for_thing', 'jan__count_songs'])
  const [getThing] = await source.tools()
  await fake.close()
  const call = { caller: ada, requestId: 'r', signal: AbortSignal.timeout(5_000), meta: {} }
  await expect(getThing!.run(call as never, { id: 'ada' })).rejects.toMatchObject({ code: 'unavailable' })
  await until(async () => {
    source.pass(61_000)
    return (await source.names()).join() === 'jan__count_songs'
  })
  const again = await startFakeAt(fake.port)
  await until(async () => {
    source.pass(6_000)
    return (await source.names()).length === 3
  })
  await source.close()
  await again.close()
})

/** The same service, back at its place. */
async function startFakeAt(port: number) {
  const back = await startFake('llm-api', things)
  const server = createServerFor({
    handler: (request, response) => back.server.emit('request', request, response),
    drain: () => undefined,
  })
  await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening))
  const close = async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
    await back.close()
  }
  return { close }
}

test('one that hangs, serves no tools, or talks nonsense is waited for once [B-049]', async () => {
  const off = await startFake('media-api', songs, false)
  const nonsense = await serve((_request, response) => response.end('<html>'))
  const source = sourceOf({ hung: hung.url, 'media-api': off.url, nonsense: nonsense.url })
  const began = performance.now()
  expect(await source.names()).toEqual([])
  expect(performance.now() - began).toBeGreaterThan(1_500)
  source.pass(61_000)
  const again = performance.now()
  expect(await source.names()).toEqual([])
  expect(performance.now() - again).toBeLessThan(500)
  await source.close()
  await Promise.all([off.close(), nonsense.close()])
})

test('a service that does not serve its tools is named in the log, once [B-108]', async () => {
  const off = await startFake('media-api', songs, false)
  const warned: unknown[][] = []
  const log = { ...silentLogger, warn: (...said: unknown[]) => warned.push(said) } as unknown as typeof silentLogger
  const source = sourceOf({ 'media-api': off.url, 'llm-api': llmApi.url }, log)
  await source.names()
  const lists = off.seen.lists
  source.pass(61_000)
  await source.names()
  await until(() => off.seen.lists > lists)
  await source.names({ ...ada, roles: ['admin'] })
  expect(warned).toEqual([[{ peer: 'media-api' }, expect.stringContaining('MCP_ENABLED')]])
  await source.close()
  await off.close()
})
