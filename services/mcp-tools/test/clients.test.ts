import { type Served, serve } from '@jan/testkit/serve'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { startService, type TestService, until } from './start.ts'

let service: TestService
let page: Served

beforeAll(async () => {
  page = await serve((_request, response) => {
    response
      .setHeader('content-type', 'text/html')
      .end(
        `<html><head><title>Bees</title></head><body><article><h1>Bees</h1><p>${'Bees make honey. '.repeat(40)}</p></article></body></html>`,
      )
  })
  service = await startService({ OUTBOUND_ALLOW: `127.0.0.1:${page.port}`, SERPER_OFFLINE_MODE: 'true' })
})
afterAll(async () => {
  await service.close()
  await page.close()
})

const requestInit = () => ({ headers: { authorization: service.authorization } })
const identity = { name: 'test', version: '1' }

/** What the two generations have in common, as far as these tests go. */
type AnyClient = Pick<ClientV1, 'listTools' | 'close'> & {
  callTool(
    request: { name: string; arguments?: Record<string, unknown> },
    options?: { signal?: AbortSignal; onprogress?: (progress: { progress: number }) => void },
  ): Promise<Record<string, unknown>>
}

async function connectV1(): Promise<AnyClient> {
  const client = new ClientV1(identity)
  await client.connect(new TransportV1(service.mcpUrl, { requestInit: requestInit() }) as never)
  return {
    listTools: () => client.listTools(),
    close: () => client.close(),
    callTool: (request, options) => client.callTool(request, undefined, options),
  }
}

const connectV2 = (mode?: 'auto') => async (): Promise<AnyClient> => {
  const client = new ClientV2(identity, mode ? { versionNegotiation: { mode } } : {})
  await client.connect(new TransportV2(service.mcpUrl, { requestInit: requestInit() }))
  expect(client.getNegotiatedProtocolVersion()).toBe(mode ? '2026-07-28' : '2025-11-25')
  return client as unknown as AnyClient
}

const textOf = (result: Record<string, unknown>) => (result.content as { text: string }[])[0]!.text

describe.each([
  ['sdk 1.x', connectV1],
  ['client 2.x', connectV2()],
  ['client 2.x on 2026-07-28', connectV2('auto')],
])('%s [H-24 H-86 B-011]', (_name, connect) => {
  let client: AnyClient
  beforeAll(async () => {
    client = await connect()
  })
  afterAll(() => client.close())

  test('lists the tools with schemas and true hints [B-009]', async () => {
    const { tools } = await client.listTools()
    const names = tools.map(({ name }) => name)
    expect(names).toEqual(names.toSorted())
    expect(names).toEqual(expect.arrayContaining(['google_search', 'js_exec', 'python_exec', 'scrape']))
    const python = tools.find(({ name }) => name === 'python_exec')!
    expect(python).toMatchObject({
      title: expect.any(String),
      inputSchema: { type: 'object', required: ['code'], properties: { language: { default: 'python' } } },
      outputSchema: { type: 'object' },
      // It stores the files that a program writes.
      annotations: { readOnlyHint: false, destructiveHint: false, openWorldHint: false },
    })
    expect(tools.find(({ name }) => name === 'scrape')?.annotations).toMatchObject({ openWorldHint: true })
  })

  test('searches, and is answered in text and by the schema [B-008]', async () => {
    const result = await client.callTool({ name: 'google_search', arguments: { q: 'bees' } })
    expect(result.isError).toBeFalsy()
    expect(result.structuredContent).toMatchObject({ query: 'bees', engine: 'offline', live: false })
  })

  test('reads a page', async () => {
    const result = await client.callTool({ name: 'scrape', arguments: { url: `${page.url}/bees` } })
    expect(result.isError).toBeFalsy()
    expect(textOf(result)).toContain('Bees make honey.')
    expect(result.structuredContent).toMatchObject({ source_url: `${page.url}/bees` })
  })

  test('runs Python and JavaScript [P-022 P-023]', async () => {
    const python = await client.callTool({ name: 'python_exec', arguments: { code: 'import math; print(math.pi)' } })
    expect(python.structuredContent).toMatchObject({ stdout: '3.141592653589793\n', error: null })
    expect(textOf(python)).toBe('3.141592653589793')
    const script = await client.callTool({ name: 'js_exec', arguments: { code: 'console.log(6 * 7)' } })
    expect(script.structuredContent).toMatchObject({ stdout: '42\n' })
  })

  test('is told of an unknown tool by an error', async () => {
    await expect(client.callTool({ name: 'nope', arguments: {} })).rejects.toMatchObject({
      code: -32602,
      message: expect.stringContaining('nope'),
    })
  })

  test('is told of bad arguments by a result [P-026 B-008]', async () => {
    const result = await client.callTool({ name: 'python_exec', arguments: { code: 7 } })
    expect(result).toMatchObject({ isError: true, _meta: { 'jan/code': -32602 } })
    expect(textOf(result)).toMatch(/python_exec: code: /)
  })

  test('hears of progress [B-006]', async () => {
    const heard: number[] = []
    const onprogress = ({ progress }: { progress: number }) => heard.push(progress)
    const result = await client.callTool({ name: 'count', arguments: { to: 3 } }, { onprogress })
    expect(textOf(result)).toBe('counted to 3')
    expect(heard).toEqual([1, 2, 3])
  })

  test('cancels a call [B-006]', async () => {
    const controller = new AbortController()
    const as = `wait of ${_name}`
    const pending = client.callTool({ name: 'wait', arguments: { as } }, { signal: controller.signal })
    await until(() => service.started.includes(as))
    controller.abort()
    await expect(pending).rejects.toThrow()
    await until(() => service.aborted.includes(as))
  })
})
