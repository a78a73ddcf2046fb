import { connect } from 'node:net'
import { startTestRedis, type TestRedis } from '@jan/testkit/redis'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { createAskingTools } from './asking-tools.ts'
import { call, messagesOf, startService, type TestService, until } from './start.ts'

/** Two replicas behind a front that never sends two requests in a row to the same one. */

let redis: TestRedis
let one: TestService
let other: TestService
const asking = createAskingTools()

beforeAll(async () => {
  redis = await startTestRedis()
  const additions = { sources: [{ tools: () => asking.tools }] }
  one = await startService({ REDIS_URL: redis.url }, {}, additions)
  const same = { REDIS_URL: redis.url, AUTH_ISSUER: one.issuer.issuer, AUTH_JWKS_URL: one.identityUrl }
  other = await startService(same, {}, additions)
})
afterAll(async () => {
  await one.close()
  await other.close()
  await redis.close()
})

/** Sends to the replicas in turn. */
function alternating(): typeof fetch {
  let count = 0
  return (input, init) => {
    const url = new URL(String(input))
    url.port = (count++ % 2 === 0 ? one : other).mcpUrl.port
    return fetch(url, init)
  }
}

const identity = { name: 'test', version: '1' }
const requestInit = () => ({ headers: { authorization: one.authorization } })
const ANSWERS = {
  elicit: { action: 'accept' as const, content: { name: 'Ada' } },
  model: { role: 'assistant' as const, model: 'm', content: { type: 'text' as const, text: 'bees' } },
  roots: { roots: [{ uri: 'file:///home/ada' }] },
}
const capabilities = { elicitation: {}, sampling: {}, roots: {} }

type Called = { content: { text: string }[]; isError?: boolean }
type AnyClient = { callTool(request: { name: string; arguments?: object }): Promise<unknown>; close(): Promise<void> }

async function connectV1(): Promise<AnyClient> {
  const client = new ClientV1(identity, { capabilities })
  client.setRequestHandler(ElicitRequestSchema, async () => ANSWERS.elicit)
  client.setRequestHandler(CreateMessageRequestSchema, async () => ANSWERS.model)
  client.setRequestHandler(ListRootsRequestSchema, async () => ANSWERS.roots)
  const transport = new TransportV1(one.mcpUrl, { requestInit: requestInit(), fetch: alternating() })
  await client.connect(transport as never)
  return client as unknown as AnyClient
}

const connectV2 = (mode?: 'auto') => async (): Promise<AnyClient> => {
  const client = new ClientV2(identity, { capabilities, ...(mode ? { versionNegotiation: { mode } } : {}) })
  client.setRequestHandler('elicitation/create', async () => ANSWERS.elicit)
  client.setRequestHandler('sampling/createMessage', async () => ANSWERS.model)
  client.setRequestHandler('roots/list', async () => ANSWERS.roots)
  await client.connect(new TransportV2(one.mcpUrl, { requestInit: requestInit(), fetch: alternating() }))
  return client as unknown as AnyClient
}

describe.each([
  ['sdk 1.x', connectV1],
  ['client 2.x', connectV2()],
  ['client 2.x on 2026-07-28', connectV2('auto')],
])('a client between two replicas: %s [B-002 B-011]', (_name, connect) => {
  let client: AnyClient
  beforeAll(async () => {
    client = await connect()
  })
  afterAll(() => client.close())

  const textOf = async (name: string) => ((await client.callTool({ name, arguments: {} })) as Called).content[0]!.text

  test('is asked, answers elsewhere, and the call goes on with what was sealed', async () => {
    for (let round = 0; round < 3; round++) expect(await textOf('ask_name')).toBe('hello Ada, 1')
  })

  test('is asked for a model and for its roots', async () => {
    expect(await textOf('ask_all')).toBe('bees in file:///home/ada')
  })
})

const BOTH = { accept: 'application/json, text/event-stream' }
const initialize = (declared: object = {}) => ({
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: declared, clientInfo: identity },
})
const openSession = async (declared?: object) =>
  (await one.post(initialize(declared), BOTH)).headers.get('mcp-session-id')!
/** As the same user, whichever replica. */
const post = (replica: TestService, body: unknown, headers: Record<string, string> = {}) =>
  replica.post(body, { authorization: one.authorization, ...BOTH, ...headers })

describe('messages between replicas', () => {
  test('what no replica has sent ends nothing [B-002]', async () => {
    const stranger = connect(redis.port, '127.0.0.1')
    for (const channel of ['changes', 'calls'])
      for (const said of ['nonsense', 'null', '{}', '[[1,2]]']) stranger.write(`PUBLISH jan:mcp:${channel} ${said}\r\n`)
    const heard = await new Promise<string>((done) => {
      let answer = ''
      stranger.on('data', (bytes) => {
        answer += bytes
        if (answer.split('\r\n').length > 8) done(answer)
      })
    })
    stranger.destroy()
    // Both replicas listen to both.
    expect(heard).toBe(':2\r\n'.repeat(8))
    for (const replica of [one, other]) expect((await fetch(`${replica.url}/healthz`)).status).toBe(200)
  })

  test('a cancel finds the call that runs elsewhere, and no other [B-002 B-006 H-104]', async () => {
    const [mine, foreign] = [await openSession(), await openSession()]
    const pending = post(one, call('wait', { as: 'elsewhere' }, 7), { 'mcp-session-id': mine })
    await until(() => one.started.includes('elsewhere'))
    const cancel = (session: string, requestId: number) =>
      post(
        other,
        { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } },
        { 'mcp-session-id': session },
      )
    await cancel(foreign, 7)
    await cancel(mine, 8)
    expect((await cancel(mine, 7)).status).toBe(202)
    await until(() => one.aborted.includes('elsewhere'))
    expect(messagesOf(await (await pending).text())).toEqual([])
  })

  test('an answer of another session, or of another user, is nobody’s [B-002]', async () => {
    const [mine, foreign] = [await openSession({ elicitation: {} }), await openSession({ elicitation: {} })]
    const response = await post(one, call('ask_name'), { 'mcp-session-id': mine })
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let heard = ''
    while (!heard.includes('elicitation/create')) heard += (await reader.read()).value
    const [{ id }] = messagesOf(heard) as [{ id: string }]
    const answer = (name: string) => ({ jsonrpc: '2.0', id, result: { action: 'accept', content: { name } } })
    await post(one, answer('Eve'), { 'mcp-session-id': foreign })
    await post(other, answer('Eve'), { 'mcp-session-id': foreign })
    const eve = await one.issuer.bearer('eve')
    expect((await post(other, answer('Eve'), { ...eve, 'mcp-session-id': mine })).status).toBe(404)
    await post(other, answer('Ada'), { 'mcp-session-id': mine })
    for (let part = await reader.read(); !part.done; part = await reader.read()) heard += part.value
    expect(heard).toContain('hello Ada, 1')
  })

  test('a sealed state is good for its own caller and its own tool [B-006]', async () => {
    const meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': identity,
      'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } },
    }
    const send = async (replica: TestService, params: object, headers: Record<string, string> = {}) => {
      const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { arguments: {}, ...params, _meta: meta } }
      const named = { 'mcp-name': (params as { name: string }).name, 'mcp-method': 'tools/call' }
      const response = await post(replica, body, { ...named, 'mcp-protocol-version': '2026-07-28', ...headers })
      return (await response.json()) as { result: Called & { requestState: string }; error?: { code: number } }
    }
    const asked = await send(one, { name: 'ask_name' })
    const { requestState } = asked.result
    const inputResponses = { name: { action: 'accept', content: { name: 'Ada' } } }
    const again = { name: 'ask_name', requestState, inputResponses }
    expect((await send(other, again)).result.content[0]!.text).toBe('hello Ada, 1')
    expect((await send(other, again, await one.issuer.bearer('eve'))).error).toMatchObject({ code: -32602 })
    expect((await send(other, { ...again, requestState: `${requestState.slice(0, -2)}xx` })).error).toMatchObject({
      code: -32602,
    })
    expect((await send(other, { ...again, name: 'ask_all' })).result.content[0]!.text).toBe('- in -')
  })

  test('a level that was set at one replica counts at all [B-007]', async () => {
    const session = { 'mcp-session-id': await openSession() }
    const heard = async (replica: TestService) =>
      messagesOf(await (await post(replica, call('talk'), session)).text())
        .filter(({ method }) => method === 'notifications/message')
        .map(({ params }) => (params as { level: string }).level)
    expect(await heard(other)).toEqual(['info', 'error'])
    const set = { jsonrpc: '2.0', id: 2, method: 'logging/setLevel', params: { level: 'error' } }
    expect(await (await post(one, set, { ...session, accept: 'application/json' })).json()).toMatchObject({
      result: {},
    })
    expect(await heard(other)).toEqual(['error'])
    await post(other, { ...set, params: { level: 'debug' } }, session)
    expect(await heard(one)).toEqual(['debug', 'info', 'error'])
  })

  test('what a client says of trace and repetition reaches the tool [B-008]', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const _meta = { traceparent, 'jan/idempotency-key': 'k1', tracestate: 7 }
    const body = { ...call('ask_name'), params: { name: 'ask_name', arguments: {}, _meta } }
    await post(one, body, { 'idempotency-key': 'of the post', accept: 'application/json' })
    expect(asking.calls.at(-1)!.meta).toEqual({ traceparent, idempotencyKey: 'k1' })
    await post(one, call('ask_name'), { 'idempotency-key': 'of the post', accept: 'application/json' })
    expect(asking.calls.at(-1)!.meta).toEqual({ idempotencyKey: 'of the post' })
  })
})

test('a replica alone, without Redis, is right [B-002]', async () => {
  const alone = await startService({}, {}, { sources: [{ tools: () => asking.tools }] })
  try {
    const client = new ClientV1(identity, { capabilities })
    client.setRequestHandler(ElicitRequestSchema, async () => ANSWERS.elicit)
    const headers = { authorization: alone.authorization }
    await client.connect(new TransportV1(alone.mcpUrl, { requestInit: { headers } }) as never)
    expect(await client.callTool({ name: 'ask_name', arguments: {} })).toMatchObject({
      content: [{ text: 'hello Ada, 1' }],
    })
    await client.setLoggingLevel('error')
    await client.close()
    const silent = await alone.post(call('ask_name'))
    expect(await silent.json()).toMatchObject({ result: { content: [{ text: 'nobody can be asked' }] } })
  } finally {
    await alone.close()
  }
})

test('without its Redis a replica goes on alone, and tells no secrets of why [B-002]', async () => {
  const lost = await startTestRedis()
  const left = await startService({ REDIS_URL: lost.url }, {}, { sources: [{ tools: () => asking.tools }] })
  try {
    const session = { 'mcp-session-id': (await left.post(initialize(), BOTH)).headers.get('mcp-session-id')!, ...BOTH }
    await lost.close()
    const pending = left.post(call('wait', { as: 'redis is away' }, 1), session)
    await until(() => left.started.includes('redis is away'))
    expect(messagesOf(await (await left.post(call('talk', {}, 2), session)).text())).toHaveLength(3)
    const set = { jsonrpc: '2.0', id: 3, method: 'logging/setLevel', params: { level: 'error' } }
    expect(await (await left.post(set, session)).json()).toMatchObject({
      error: { code: -32603, message: 'Internal server error' },
    })
    await left.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }, session)
    await until(() => left.aborted.includes('redis is away'))
    await pending
  } finally {
    await left.close()
  }
})

test('a replica that stops sends its listeners away, to another one [B-002]', async () => {
  const stopping = await startService()
  try {
    const { authorization } = stopping
    const session = (await stopping.post(initialize(), BOTH)).headers.get('mcp-session-id')!
    const headers = { authorization, accept: 'text/event-stream', 'mcp-session-id': session }
    const [stream, old] = await Promise.all([
      fetch(stopping.mcpUrl, { headers }),
      fetch(`${stopping.url}/v1/mcp/sse`, { headers }),
    ])
    stopping.app.drain()
    await Promise.all([stream.text(), old.text()])
    for (const path of ['/v1/mcp', '/v1/mcp/sse'])
      expect((await fetch(stopping.url + path, { headers })).status).toBe(503)
    expect((await stopping.post(call('whoami'))).status).toBe(200)
  } finally {
    await stopping.close()
  }
})
