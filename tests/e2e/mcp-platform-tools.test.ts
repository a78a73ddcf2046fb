import { until } from '@jan/testkit/until'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { at, get, guestToken, type Json, post } from '../platform.ts'
import { callTool, connectModern, connectV1, connectV2, rpc, toolNames } from './mcp.ts'
import { newUser } from './people.ts'

/** The platform's own operations as tools: of mcp-tools as `jan__*`, and of each service below its prefix. */

const OF_LLM_API = [
  'get_conversation_items',
  'get_model',
  'get_usage',
  'list_assistants',
  'list_conversations',
  'list_models',
  'list_projects',
  'search_conversations',
]
const OF_MEDIA_API = ['get_media_text', 'list_media']

/** Somebody with one of everything, in which a word stands that is theirs alone. */
async function newPerson(token: string, word: string) {
  const make = async (path: string, body: object) => {
    const answer = await post(at('gateway', path), body, token)
    expect([path, answer.status < 300]).toEqual([path, true])
    return answer.body.id as string
  }
  const items = [{ type: 'message', role: 'user', content: `What about ${word}?` }]
  const data_url = `data:text/plain;base64,${Buffer.from(`Notes on ${word}`).toString('base64')}`
  const [assistant, project, conversation, media] = await Promise.all([
    make('/v1/assistants', { name: `On ${word}`, model: 'jan-simulator' }),
    make('/v1/projects', { name: `About ${word}`, instruction: 'Be kind' }),
    make('/v1/conversations', { title: `All of ${word}`, items }),
    make('/v1/media', { source: { type: 'data_url', data_url }, filename: `${word}.txt` }),
    make('/v1/chat/completions', { model: 'jan-simulator', messages: [{ role: 'user', content: word }] }),
  ])
  return { token, word, assistant, project, conversation, media }
}
type Person = Awaited<ReturnType<typeof newPerson>>

let guest: Person
let user: Person
beforeAll(async () => {
  ;[guest, user] = await Promise.all([
    guestToken().then((token) => newPerson(token, 'honey')),
    newUser().then(({ token }) => newPerson(token, 'granite')),
  ])
})

const idsIn = ({ data }: Json) => data.map(({ id }: Json) => id)
const requestsIn = ({ data }: Json) =>
  data.flatMap(({ results }: Json) => results).reduce((sum: number, row: Json) => sum + row.num_model_requests, 0)

describe.each([
  ['a guest with SDK v1', connectV1, () => [guest, user]],
  ['a user with SDK v2', connectV2, () => [user, guest]],
  ['a user who speaks 2026-07-28', connectModern, () => [user, guest]],
] as const)('%s', (_name, connect, people) => {
  test('reads by jan__* what is theirs, and finds nothing of another [B-049 B-050 B-080]', async () => {
    const [me, other] = people() as [Person, Person]
    const client = await connect('/v1/mcp', me.token)
    const read = async (name: string, args: object = {}) => {
      // The client holds what it gets against the schema that it was promised.
      const { structuredContent, isError } = await client.callTool({ name: `jan__${name}`, arguments: args })
      expect([name, isError ?? false]).toEqual([name, false])
      return structuredContent
    }
    const offered = (await client.listTools()).tools.map(({ name }: Json) => name)
    expect(offered.filter((name: string) => name.startsWith('jan__'))).toEqual(
      [...OF_LLM_API, ...OF_MEDIA_API].map((name) => `jan__${name}`).sort(),
    )
    expect(idsIn(await read('list_models'))).toContain('jan-simulator')
    expect(await read('get_model', { id: 'jan-simulator' })).toMatchObject({ id: 'jan-simulator' })
    expect(idsIn(await read('list_assistants'))).toEqual([me.assistant])
    expect(idsIn(await read('list_projects'))).toEqual([me.project])
    expect(idsIn(await read('list_conversations'))).toEqual([me.conversation])
    expect(idsIn(await read('search_conversations', { query: me.word }))).toEqual([me.conversation])
    expect(idsIn(await read('search_conversations', { query: other.word }))).toEqual([])
    expect(JSON.stringify(await read('get_conversation_items', { id: me.conversation }))).toContain(me.word)
    expect(idsIn(await read('list_media'))).toEqual([me.media])
    expect(await read('get_media_text', { id: me.media })).toMatchObject({ text: `Notes on ${me.word}` })
    await until(async () => requestsIn(await read('get_usage')) === 1)
    for (const [name, id] of [
      ['jan__get_conversation_items', other.conversation],
      ['jan__get_media_text', other.media],
    ])
      expect(await client.callTool({ name, arguments: { id } })).toMatchObject({
        isError: true,
        content: [{ text: expect.stringMatching(/ \(not_found\)$/) }],
      })
    await client.close()
  })

  test.each([
    ['/llm/mcp', OF_LLM_API, 'list_projects', () => people()[0]!.project],
    ['/media/mcp', OF_MEDIA_API, 'list_media', () => people()[0]!.media],
    ['/responses/mcp', [], undefined, undefined],
  ])('is served by a service itself at %s [B-049 P-050 P-110]', async (path, names, name, id) => {
    for (const each of [path, `${path}/`]) {
      const client = await connect(each, people()[0]!.token)
      expect((await client.listTools()).tools.map((tool: Json) => tool.name).sort()).toEqual(names)
      if (name) expect(idsIn((await client.callTool({ name, arguments: {} })).structuredContent)).toEqual([id()])
      await client.close()
    }
  })
})

test.each(['/llm/mcp', '/media/mcp', '/responses/mcp'])(
  '%s asks for a token, says where to get one, and refuses foreign pages [B-004 B-005]',
  async (path) => {
    const { status, headers } = await rpc('tools/list', {}, { path })
    const [, metadata] = /resource_metadata="([^"]+)"/.exec(headers.get('www-authenticate') ?? '') ?? []
    expect([status, (await get(metadata!)).body]).toEqual([
      401,
      expect.objectContaining({
        resource: at('gateway', path),
        authorization_servers: [at('identity', '/realms/jan')],
      }),
    ])
    const origin = { origin: 'http://evil.test' }
    expect((await rpc('tools/list', {}, { path, token: user.token, headers: origin })).status).toBe(403)
  },
)

test('a key shows and does what it is good for, at either address [B-048]', async () => {
  const key = async (scopes: string[]) =>
    (await post(at('gateway', '/auth/api-keys'), { name: 'e2e', scopes }, user.token)).body.key as string
  const [narrow, wide] = await Promise.all([key(['mcp']), key(['mcp', 'chat'])])
  expect(await toolNames(narrow)).not.toContain('jan__list_projects')
  expect(await callTool(narrow, 'jan__list_projects')).toMatchObject({ code: -32602 })
  expect(idsIn((await callTool(wide, 'jan__list_projects')).structuredContent)).toEqual([user.project])
  // What tools do with media is part of their work; at media-api itself it is not.
  expect(idsIn((await callTool(narrow, 'jan__list_media')).structuredContent)).toEqual([user.media])
  expect(await callTool(narrow, 'list_media', {}, '/media/mcp')).toMatchObject({
    isError: true,
    content: [{ text: "This API key lacks the scope 'media' (forbidden)" }],
  })
})

test('a result of an operation says nothing in another server’s name [B-081]', async () => {
  const result = await callTool(user.token, 'jan__list_projects')
  expect(Object.keys(result).sort()).toEqual(['content', 'structuredContent'])
  const client = await connectModern('/v1/mcp', user.token)
  expect((await client.callTool({ name: 'jan__list_projects', arguments: {} }))._meta ?? {}).not.toMatchObject({
    'io.modelcontextprotocol/serverInfo': { name: 'jan-llm-api' },
  })
  await client.close()
})

test('a model that runs for somebody reads what is theirs, too [B-049]', async () => {
  const run = await post(
    at('gateway', '/v1/responses'),
    { model: 'jan-simulator', input: 'Use jan__list_projects' },
    user.token,
  )
  expect(run.body.output).toContainEqual(
    expect.objectContaining({
      type: 'mcp_call',
      name: 'jan__list_projects',
      output: expect.stringContaining(user.project),
    }),
  )
})
