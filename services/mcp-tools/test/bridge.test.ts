/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the file, not of these tests */
import { freePort } from '@jan/testkit/free-port'
import { until } from '@jan/testkit/until'
import { afterEach, describe, expect, test } from '@jest/globals'
import { type BridgeService, startBridge, textOf } from './bridge-start.ts'
import { type McpServer, startMcpServer, wordsOf } from './mcp-server.ts'

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close()
})
const keep = <T extends { close(): Promise<void> }>(thing: T): T => {
  opened.push(thing)
  return thing
}
const server = async (...args: Parameters<typeof startMcpServer>): Promise<McpServer> =>
  keep(await startMcpServer(...args))
const bridge = async (...args: Parameters<typeof startBridge>): Promise<BridgeService> =>
  keep(await startBridge(...args))

describe('a bridged server', () => {
  test('is greeted as the protocol says, and its tools pass through whole [B-036 B-068]', async () => {
    const schema = {
      type: 'object',
      properties: { n: { type: 'integer', minimum: 1 } },
      required: ['n'],
      additionalProperties: false,
    }
    const output = { type: 'object', properties: { sum: { type: 'number' } }, required: ['sum'] }
    const annotations = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false }
    const far = await server([
      wordsOf('add', { title: 'Add', inputSchema: schema, outputSchema: output, annotations }),
      wordsOf('bare'),
    ])
    const jan = await bridge([{ name: 'sums', url: far.url }])
    expect(await jan.list()).toMatchObject([
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
    const far = await server()
    const jan = await bridge([{ name: 'far', url: far.url }])
    await jan.untilNames(['far__echo'])
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
      params: { name: 'far__echo', arguments: {}, _meta: { progressToken: 'p' } },
    }
    const response = await jan.post(body, { accept: 'application/json, text/event-stream' })
    const text = await response.text()
    expect(text).toContain('done')
    const told = text.match(/notifications\/progress/g) ?? []
    expect(told.length).toBeGreaterThan(0)
    expect(told.length).toBeLessThan(200)
  })

  test('that is down takes away its own tools and nothing else, and comes back by itself [B-037 B-070]', async () => {
    const port = await freePort()
    const here = await server([wordsOf('stay')])
    const jan = await bridge([
      { name: 'away', url: `http://127.0.0.1:${port}` },
      { name: 'here', url: here.url },
    ])
    expect(await jan.names()).toEqual(['here__stay'])
    const away = await startMcpServer([wordsOf('come')], port)
    await jan.untilNames(['away__come', 'here__stay'])
    await away.close()
    expect(await jan.call('away__come').catch(String)).toBeDefined()
    await jan.untilNames(['here__stay'])
    expect(textOf(await jan.call('here__stay', { text: 'x' }))).toContain('echo x')
    const again = keep(await startMcpServer([wordsOf('come')], port))
    await jan.untilNames(['away__come', 'here__stay'])
    await until(() => again.seen.some(({ method }) => method === 'tools/list'))
  })

  test('that hangs holds nobody up: a call ends in its time, a greeting is not waited for [B-037 B-041 B-070]', async () => {
    const deaf = await server()
    deaf.state.before = () => true
    const slow = await server()
    const jan = await bridge(
      [
        { name: 'deaf', url: deaf.url },
        { name: 'slow', url: slow.url, timeout: '300ms' },
      ],
      { MCP_SERVER_FIRST_WAIT: '300ms' },
    )
    await jan.untilNames(['slow__echo'])
    slow.state.call = () => undefined
    const result = await jan.call('slow__echo')
    expect(result).toMatchObject({ isError: true, _meta: { 'jan/code': -32000 } })
    await until(() => slow.seen.some(({ method }) => method === 'notifications/cancelled'))
  })

  test('whose session is gone is greeted anew, and the call is made once [B-037]', async () => {
    const far = await server()
    const jan = await bridge([{ name: 'far', url: far.url }])
    await jan.untilNames(['far__echo'])
    let refused = 0
    far.state.before = ({ message, response }) => {
      if (message.method !== 'tools/call' || refused > 0) return false
      refused++
      response.writeHead(404).end()
      return true
    }
    expect(textOf(await jan.call('far__echo', { text: 'again' }))).toContain('echo again')
    expect(far.seen.filter(({ method }) => method === 'initialize').length).toBe(2)
  })

  test('that says its tools are others is asked again [B-037]', async () => {
    const far = await server()
    const jan = await bridge([{ name: 'far', url: far.url }])
    await jan.untilNames(['far__echo'])
    far.state.tools = [wordsOf('echo'), wordsOf('more')]
    far.tellChanged()
    await jan.untilNames(['far__echo', 'far__more'])
  })
})

describe('the file of servers', () => {
  test('is read again when it changes; a wrong entry is left out, the others stay [B-034 B-069]', async () => {
    const far = await server()
    const jan = await bridge([{ name: 'one', url: far.url }])
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
  })
})
