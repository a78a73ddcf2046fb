/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the file, not of these tests */
import { freePort } from '@jan/testkit/free-port'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type BridgeService, startBridge, textOf } from './bridge-start.ts'
import { type McpServer, startMcpServer, wordsOf } from './mcp-server.ts'

const schema = {
  type: 'object',
  properties: { n: { type: 'integer', minimum: 1 } },
  required: ['n'],
  additionalProperties: false,
}
const output = { type: 'object', properties: { sum: { type: 'number' } }, required: ['sum'] }
const annotations = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false }

/** One service, and servers for each test. */
const TOOLS = {
  sums: [wordsOf('add', { title: 'Add', inputSchema: schema, outputSchema: output, annotations }), wordsOf('bare')],
  stream: [wordsOf('echo')],
  here: [wordsOf('stay')],
  deaf: [wordsOf('echo')],
  slow: [wordsOf('echo')],
  session: [wordsOf('echo')],
  telling: [wordsOf('echo')],
}
let jan: BridgeService
let awayPort: number
let servers: Record<keyof typeof TOOLS, McpServer>

beforeAll(async () => {
  awayPort = await freePort()
  const started = await Promise.all(
    Object.entries(TOOLS).map(async ([name, tools]) => [name, await startMcpServer(tools)] as const),
  )
  servers = Object.fromEntries(started) as typeof servers
  servers.deaf.state.before = () => true
  const named = started.map(([name, { url }]) => ({ name, url, ...(name === 'slow' && { timeout: '300ms' }) }))
  const away = { name: 'away', url: `http://127.0.0.1:${awayPort}` }
  jan = await startBridge([...named, away], { MCP_SERVER_FIRST_WAIT: '300ms' })
})
afterAll(async () => {
  await jan.close()
  await Promise.all(Object.values(servers).map((server) => server.close()))
})

describe('a bridged server', () => {
  test('is greeted as the protocol says, and its tools pass through whole [B-036 B-068]', async () => {
    const far = servers.sums
    await jan.untilOffered('sums', ['add', 'bare'])
    expect((await jan.list()).filter(({ name }) => name.startsWith('sums__'))).toMatchObject([
      {
        name: 'sums__add',
        title: 'Add',
        description: 'What add does',
        inputSchema: schema,
        outputSchema: output,
        annotations,
      },
      {
        name: 'sums__bare',
        annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
      },
    ])
    expect(far.seen.map(({ method }) => method)).toEqual(
      expect.arrayContaining(['initialize', 'notifications/initialized', 'tools/list']),
    )
    const picture = { type: 'image', data: 'aGk=', mimeType: 'image/png' }
    far.state.call = ({ result }) =>
      result({ content: [picture], structuredContent: { sum: 3 }, _meta: { 'jan/code': 1, 'a/b': 2 } })
    const { content, structuredContent, _meta } = await jan.call('sums__add', { n: 1 })
    expect({ content, structuredContent }).toEqual({ content: [picture], structuredContent: { sum: 3 } })
    expect(_meta).toMatchObject({ 'a/b': 2 })
    expect(_meta).not.toHaveProperty(['jan/code'])
    far.state.call = ({ result }) => result({ content: [{ type: 'text', text: 'no such number' }], isError: true })
    expect(await jan.call('sums__add', { n: 2 })).toMatchObject({
      isError: true,
      content: [{ text: 'no such number' }],
    })
  })

  test('may answer by a stream of several events; progress is passed on, a flood of it is not [B-036 B-041 B-068]', async () => {
    const far = servers.stream
    await jan.untilOffered('stream', ['echo'])
    far.state.call = ({ message, response }) => {
      const { progressToken } = message.params!._meta as { progressToken: number }
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const send = (value: object) =>
        response.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', ...value })}\n\n`)
      for (let progress = 1; progress <= 5_000; progress++)
        send({ method: 'notifications/progress', params: { progressToken, progress, total: 5_000 } })
      send({ method: 'notifications/message', params: { level: 'info', data: 'half way' } })
      send({ id: message.id, result: { content: [{ type: 'text', text: 'done' }] } })
      response.end()
    }
    const body = {
      jsonrpc: '2.0',
      id: 9,
      method: 'tools/call',
      params: { name: 'stream__echo', arguments: {}, _meta: { progressToken: 'p' } },
    }
    const response = await jan.post(body, { accept: 'application/json, text/event-stream' })
    const text = await response.text()
    expect(text).toContain('done')
    const told = text.match(/notifications\/progress/g) ?? []
    expect(told.length).toBeGreaterThan(0)
    expect(told.length).toBeLessThan(200)
  })

  test('that is down takes away its own tools and nothing else, and comes back by itself [B-037 B-070]', async () => {
    await jan.untilOffered('here', ['stay'])
    await jan.untilOffered('away', [])
    const away = await startMcpServer([wordsOf('come')], awayPort)
    await jan.untilOffered('away', ['come'])
    await away.close()
    expect(await jan.call('away__come').catch(String)).toBeDefined()
    await jan.untilOffered('away', [])
    expect(textOf(await jan.call('here__stay', { text: 'x' }))).toContain('echo x')
    await using again = await startMcpServer([wordsOf('come')], awayPort)
    await jan.untilOffered('away', ['come'])
    await until(() => again.seen.some(({ method }) => method === 'tools/list'))
  })

  test('that hangs holds nobody up: a call ends in its time, a greeting is not waited for [B-037 B-041 B-070]', async () => {
    const { slow } = servers
    await jan.untilOffered('slow', ['echo'])
    slow.state.call = () => undefined
    const result = await jan.call('slow__echo')
    expect(result).toMatchObject({ isError: true, _meta: { 'jan/code': -32000 } })
    await until(() => slow.seen.some(({ method }) => method === 'notifications/cancelled'))
  })

  test('whose session is gone is greeted anew, and the call is made once [B-037]', async () => {
    const far = servers.session
    await jan.untilOffered('session', ['echo'])
    let refused = 0
    far.state.before = ({ message, response }) => {
      if (message.method !== 'tools/call' || refused > 0) return false
      refused++
      response.writeHead(404).end()
      return true
    }
    expect(textOf(await jan.call('session__echo', { text: 'again' }))).toContain('echo again')
    expect(far.seen.filter(({ method }) => method === 'initialize').length).toBe(2)
  })

  test('that says its tools are others is asked again [B-037]', async () => {
    const far = servers.telling
    await jan.untilOffered('telling', ['echo'])
    far.state.tools = [wordsOf('echo'), wordsOf('more')]
    far.tellChanged()
    await jan.untilOffered('telling', ['echo', 'more'])
  })
})

describe('the file of servers', () => {
  test('is read again when it changes; a wrong entry is left out, the others stay [B-034 B-069]', async () => {
    const far = await startMcpServer()
    const jan = await startBridge([{ name: 'one', url: far.url }])
    await jan.untilNames(['one__echo'])
    jan.write([
      { name: 'one', url: far.url, enabled: '${NOBODY_SET_THIS:-false}' },
      {
        name: 'two',
        url: far.url,
        headers: { 'x-key': 'pa$$word-$HOME-${TWO_KEY:-none}' },
        enabled: '${NOBODY_SET_THIS:-true}',
      },
      { name: 'jan', url: far.url },
      { name: 'three', url: 'ftp://x' },
    ])
    await jan.untilNames(['two__echo'])
    await until(() => far.headers.some((headers) => headers['x-key'] === 'pa$$word-$HOME-none'))
    jan.write('providers: [')
    jan.write([{ name: 'four', url: far.url }])
    await jan.untilNames(['four__echo'])
    await jan.close()
    await far.close()
  })
})
