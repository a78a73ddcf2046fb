import { startTestRedis, type TestRedis } from '@jan/testkit/redis'
import { type Served, serve } from '@jan/testkit/serve'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import { decodeJwt } from 'jose'
import type { ResourceSource } from '../src/resources/resource-source.ts'
import { startService, type TestService, until } from './start.ts'

/** Media as media-api tells of them, each for its owner. */
const PNG = Buffer.from('89504e470d0a1a0a', 'hex')
const media = (id: string, mime: string, bytes: number) => ({
  id,
  object: 'media',
  mime,
  bytes,
  filename: `${id}.file`,
  created_at: '2026-01-02T03:04:05.000Z',
})
const OF_ADA = [
  media('jan_a', 'image/png', PNG.length),
  media('jan_b', 'application/pdf', 1000),
  media('jan_drawing', 'image/svg+xml', 100),
  media('jan_c', 'video/mp4', 6 << 20),
  ...Array.from({ length: 60 }, (_, index) => media(`jan_t${index}`, 'text/plain', 5)),
]

function startMediaApi(): Promise<Served> {
  return serve((request, response) => {
    const claims = decodeJwt(request.headers.authorization!.slice('Bearer '.length))
    const own = JSON.stringify(claims).includes('"ada"') ? OF_ADA : []
    const url = new URL(request.url!, 'http://media-api')
    const [, , , id, what] = url.pathname.split('/')
    const tell = (status: number, value: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    if (id === undefined) {
      const from = own.findIndex((row) => row.id === url.searchParams.get('after')) + 1
      const data = own.slice(from, from + Number(url.searchParams.get('limit')))
      return tell(200, { data, last_id: data.at(-1)?.id ?? null, has_more: from + data.length < own.length })
    }
    const row = own.find((each) => each.id === id)
    if (!row) return tell(404, { message: `Media '${id}' was not found` })
    if (what === 'metadata') return tell(200, row)
    if (what === 'text') return tell(200, { id, mime: row.mime, text: `text of ${id}`, truncated: id === 'jan_b' })
    response.writeHead(200, { 'content-type': row.mime }).end(PNG)
  })
}

/** A source that always fails, and one whose resources change. */
const failing: ResourceSource = {
  prefix: 'broken://',
  templates: [],
  list: async () => {
    throw new Error('password hunter2')
  },
  read: async () => {
    throw new Error('password hunter2')
  },
}
const notes: ResourceSource = {
  prefix: 'note://',
  templates: [{ uriTemplate: 'note://{name}', name: 'note' }],
  list: async () => ({ resources: [{ uri: 'note://one', name: 'one' }] }),
  read: async (_reader, uri) => (uri === 'note://one' ? [{ uri, text: 'one' }] : undefined),
}

let redis: TestRedis
let mediaApi: Served
let one: TestService
let other: TestService
beforeAll(async () => {
  redis = await startTestRedis()
  mediaApi = await startMediaApi()
  const env = { REDIS_URL: redis.url, MEDIA_API_URL: mediaApi.url }
  const additions = { resources: [failing, notes] }
  one = await startService(env, {}, additions)
  const same = { ...env, AUTH_ISSUER: one.issuer.issuer, AUTH_JWKS_URL: one.identityUrl }
  other = await startService(same, {}, additions)
})
afterAll(async () => {
  await one.close()
  await other.close()
  await mediaApi.close()
  await redis.close()
})

const identity = { name: 'test', version: '1' }

async function connect(mode?: 'auto', who = 'ada'): Promise<ClientV2> {
  const client = new ClientV2(identity, mode ? { versionNegotiation: { mode } } : {})
  const requestInit = { headers: await one.issuer.bearer(who) }
  await client.connect(new TransportV2(one.mcpUrl, { requestInit }))
  return client
}

describe.each([
  ['2025-11-25', undefined],
  ['2026-07-28', 'auto' as const],
])('resources of %s [B-007]', (_revision, mode) => {
  let client: ClientV2
  beforeAll(async () => {
    client = await connect(mode)
  })
  afterAll(() => client.close())

  test('are listed page by page, those of the caller alone, whatever a broken source does', async () => {
    const uris = (await client.listResources()).resources.map(({ uri }) => uri)
    expect(uris.toSorted()).toEqual([...OF_ADA.map(({ id }) => `jan://media/${id}`), 'note://one'].toSorted())
    const eve = await connect(mode, 'eve')
    expect((await eve.listResources()).resources.map(({ uri }) => uri)).toEqual(['note://one'])
    await eve.close()
  })

  test('say what they are', async () => {
    const { resources } = await client.listResources({})
    expect(resources[0]).toMatchObject({
      uri: 'jan://media/jan_a',
      name: 'jan_a.file',
      mimeType: 'image/png',
      size: PNG.length,
    })
    const { resourceTemplates } = await client.listResourceTemplates()
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual(
      expect.arrayContaining(['jan://media/{id}', 'note://{name}']),
    )
  })

  test('are read as text, or as bytes', async () => {
    const read = async (uri: string) => (await client.readResource({ uri })).contents
    expect(await read('jan://media/jan_a')).toMatchObject([{ mimeType: 'image/png', blob: PNG.toString('base64') }])
    expect(await read('jan://media/jan_drawing')).toMatchObject([
      { mimeType: 'image/svg+xml', text: 'text of jan_drawing' },
    ])
    expect(await read('jan://media/jan_b')).toMatchObject([
      { mimeType: 'text/plain', text: 'text of jan_b', _meta: { 'jan/truncated': true } },
    ])
    expect(await read('jan://media/jan_t3')).toMatchObject([{ mimeType: 'text/plain', text: 'text of jan_t3' }])
  })

  test.each([['jan://media/jan_nobody'], ['jan://media/../v1/usage'], ['file:///etc/passwd'], ['note://two']])(
    '%s is not there',
    async (uri) => {
      await expect(client.readResource({ uri })).rejects.toMatchObject({ code: -32602 })
    },
  )

  test('one that is too large says where it can be had, and a failure says nothing of its cause', async () => {
    const large = client.readResource({ uri: 'jan://media/jan_c' })
    await expect(large).rejects.toMatchObject({ message: expect.stringContaining('/v1/media/jan_c') })
    const broken = client.readResource({ uri: 'broken://x' })
    await expect(broken).rejects.toMatchObject({ code: -32603, message: expect.not.stringContaining('hunter2') })
  })

  test('a cursor of somebody else’s making is −32602', async () => {
    await expect(client.listResources({ cursor: 'nonsense' })).rejects.toMatchObject({ code: -32602 })
  })
})

test('on the wire a list has pages, and what is missing has the code of its revision [B-007 P-029]', async () => {
  const post = async (method: string, params: object) =>
    (await (await one.post({ jsonrpc: '2.0', id: 1, method, params })).json()) as {
      result: { resources: unknown[]; nextCursor?: string }
      error: { code: number }
    }
  const first = (await post('resources/list', {})).result
  expect([first.resources.length, first.nextCursor]).toEqual([50, expect.any(String)])
  const second = (await post('resources/list', { cursor: first.nextCursor })).result
  expect([second.resources.length, second.nextCursor]).toEqual([OF_ADA.length + 1 - 50, undefined])
  expect((await post('resources/read', { uri: 'note://two' })).error.code).toBe(-32002)
})

test('indexed documents are resources, of their own workspace alone [B-007]', async () => {
  const client = await connect()
  const args = { document_id: 'my notes/über', text: 'Bees make honey.' }
  const indexed = await client.callTool({ name: 'file_search_index', arguments: args })
  expect(indexed.isError).toBeFalsy()
  const uri = `jan://documents/${encodeURIComponent(args.document_id)}`
  const { resources } = await client.listResources()
  expect(resources).toContainEqual(expect.objectContaining({ uri, name: args.document_id, mimeType: 'text/plain' }))
  expect((await client.readResource({ uri })).contents).toMatchObject([{ uri, text: args.text }])
  await client.callTool({ name: 'file_search_delete', arguments: { document_id: args.document_id } })
  await expect(client.readResource({ uri })).rejects.toMatchObject({ code: -32602 })
  await client.callTool({ name: 'file_search_index', arguments: args })
  const eve = await connect(undefined, 'eve')
  await expect(eve.readResource({ uri })).rejects.toMatchObject({ code: -32602 })
  await client.callTool({ name: 'file_search_delete', arguments: { document_id: args.document_id } })
  await Promise.all([client.close(), eve.close()])
})

describe('news of resources [B-002 B-007]', () => {
  test('reach subscribers at every replica, and nobody else', async () => {
    const heard: string[] = []
    const toOther: typeof fetch = (input, init) => {
      const url = new URL(String(input))
      // Its stream is at the other replica, its requests are here.
      if (init?.method === 'GET') url.port = other.mcpUrl.port
      return fetch(url, init)
    }
    const client = new ClientV1(identity, { capabilities: {} })
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void heard.push(params.uri))
    const headers = { authorization: one.authorization }
    await client.connect(new TransportV1(one.mcpUrl, { requestInit: { headers }, fetch: toOther }) as never)
    await expect(client.subscribeResource({ uri: 'note://two' })).rejects.toMatchObject({ code: -32002 })
    await client.subscribeResource({ uri: 'note://one' })
    const publish = (uri: string, workspaceId?: string) =>
      one.deps.changes.publish({ kind: 'resource_updated', uri, workspaceId })
    await until(() => {
      // Until its stream is open nobody hears.
      publish('note://one', 'ada')
      return heard.length > 0
    })
    const { length } = heard
    publish('note://other', 'ada')
    publish('note://one', 'eve')
    publish('note://one')
    await until(() => heard.length > length)
    expect(new Set(heard)).toEqual(new Set(['note://one']))
    await client.unsubscribeResource({ uri: 'note://one' })
    await client.close()
  })

  test('reach a listener of 2026-07-28, of its own workspace alone', async () => {
    const told = { ada: 0, eve: 0 }
    const listen = async (who: 'ada' | 'eve') => {
      const client = new ClientV2(identity, {
        versionNegotiation: { mode: 'auto' },
        listChanged: { resources: { autoRefresh: false, debounceMs: 0, onChanged: () => void told[who]++ } },
      })
      await client.connect(new TransportV2(one.mcpUrl, { requestInit: { headers: await one.issuer.bearer(who) } }))
      return client
    }
    const [ada, eve] = [await listen('ada'), await listen('eve')]
    await until(() => {
      other.deps.changes.publish({ kind: 'resources_list_changed', workspaceId: 'ada' })
      return told.ada > 0
    })
    expect(told.eve).toBe(0)
    await Promise.all([ada.close(), eve.close()])
  })
})
