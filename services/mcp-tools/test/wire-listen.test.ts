import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { startService, type TestService } from './start.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.close())

const leaving: AbortController[] = []
afterEach(() => {
  for (const each of leaving.splice(0)) each.abort()
})

const HEADERS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': 'subscriptions/listen',
}
const bodyOf = (notifications: object) =>
  JSON.stringify({
    jsonrpc: '2.0',
    id: 7,
    method: 'subscriptions/listen',
    params: {
      notifications,
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
        'io.modelcontextprotocol/clientCapabilities': {},
      },
    },
  })

async function listen(who: string, notifications: object = { toolsListChanged: true }) {
  const leave = new AbortController()
  leaving.push(leave)
  const headers = { ...HEADERS, ...(await service.issuer.bearer(who)) }
  const response = await fetch(service.mcpUrl, {
    ...{ method: 'POST', headers, body: bodyOf(notifications), signal: leave.signal },
  })
  return { response, leave: () => leave.abort() }
}
/** Reads on, as clients do. */
const read = ({ response }: Awaited<ReturnType<typeof listen>>) => {
  response.body?.pipeTo(new WritableStream()).catch(() => undefined)
  return response.status
}

test('nobody holds all subscriptions of 2026-07-28: each has a few, and who leaves one may open another [B-102]', async () => {
  const first = await listen('ada')
  expect(read(first)).toBe(200)
  for (let held = 1; held < 20; held++) expect(read(await listen('ada'))).toBe(200)
  const { response } = await listen('ada')
  expect(response.status).toBe(429)
  expect(await response.json()).toMatchObject({
    jsonrpc: '2.0',
    error: { code: -32000, message: 'You hold 20 streams, as many as you may: close one first' },
  })
  expect(read(await listen('eve'))).toBe(200)
  first.leave()
  while (read(await listen('ada')) !== 200);
})

test('who subscribes and never reads is taken for gone, and holds nothing [B-102]', async () => {
  const uri = `note://${'x'.repeat(4_000)}`
  const { authorization } = await service.issuer.bearer('bob')
  const body = bodyOf({ resourceSubscriptions: [uri] })
  const head = { host: service.mcpUrl.host, ...HEADERS, authorization, 'content-length': String(body.length) }
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}`)
  const deaf = connect(Number(service.mcpUrl.port), '127.0.0.1').on('error', () => undefined)
  deaf.write(`POST /v1/mcp HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
  await new Promise((resolve) => deaf.once('readable', resolve))
  try {
    for (let held = 1; held < 20; held++) expect(read(await listen('bob'))).toBe(200)
    expect(read(await listen('bob'))).toBe(429)
    for (let told = 0; told < 10_000; told++) service.deps.changes.publish({ kind: 'resource_updated', uri })
    while (read(await listen('bob')) !== 200) await new Promise((resolve) => setTimeout(resolve, 20))
  } finally {
    deaf.destroy()
  }
})

test('a subscription names so many resources at most [B-102]', async () => {
  const uris = (count: number) => Array.from({ length: count }, (_, n) => `note://${n}`)
  expect(read(await listen('zoe', { resourceSubscriptions: uris(1_000) }))).toBe(200)
  for (const many of [uris(1_001), ['x'.repeat(3 << 20)]]) {
    const { response } = await listen('zoe', { resourceSubscriptions: many })
    expect(await response.json()).toMatchObject({ id: 7, error: { code: -32602 } })
  }
})
