import { until } from '@jan/testkit/until'
import { beforeAll, expect, test } from '@jest/globals'
import OpenAI from 'openai'
import { type Answer, at, type Json, post, send } from '../platform.ts'
import { newUser } from './people.ts'

let token: string
beforeAll(async () => {
  token = (await newUser()).token
})

const newKey = async (json: object = {}): Promise<Json> =>
  (await post(at('gateway', '/auth/api-keys'), { name: 'e2e', ...json }, token)).body
const removeKey = (id: string) => send('DELETE', at('gateway', `/auth/api-keys/${id}`), { token })

const PNG =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const RPC = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
/** What each service is asked, with the scope it needs. */
const DOORS: [scope: string, service: Parameters<typeof at>[0], path: string, body: unknown][] = [
  ['chat', 'llm-api', '/v1/chat/completions', { model: 'jan-v1-4b', messages: [{ role: 'user', content: 'Hello' }] }],
  ['responses', 'response-api', '/v1/responses', { input: 'Hello', model: 'jan-v1-4b' }],
  ['media', 'media-api', '/v1/media', { source: { type: 'data_url', data_url: PNG } }],
  ['mcp', 'mcp-tools', '/v1/mcp', RPC],
]
const knockAll = (headers: Record<string, string>, door: (service: Parameters<typeof at>[0]) => typeof service) =>
  Promise.all(DOORS.map(([, service, path, body]) => post(at(door(service), path), body, undefined, headers)))
const statuses = (answers: Answer[]) => answers.map(({ status }) => status)

test('a key works on every service, through the gateway and directly, in either header [I-042 I-043]', async () => {
  const { id, key } = await newKey()
  for (const [header, value] of [
    ['authorization', `Bearer ${key}`],
    ['X-API-Key', key],
  ] as const) {
    expect(statuses(await knockAll({ [header]: value }, () => 'gateway'))).toEqual([200, 200, 200, 200])
    expect(statuses(await knockAll({ [header]: value }, (own) => own))).toEqual([200, 200, 200, 200])
  }
  await removeKey(id)
})

test('what a key made belongs to its person, who comes with a token [I-043]', async () => {
  const { id, key } = await newKey()
  const [, , , body] = DOORS[1]!
  const made = (await post(at('gateway', '/v1/responses'), body, key)).body
  const path = at('gateway', `/v1/responses/${made.id}`)
  expect((await send('GET', path, { token })).status).toBe(200)
  expect((await send('GET', path, { token: (await newUser()).token })).status).toBe(404)
  await removeKey(id)
})

test.each(DOORS)('a key for %s alone opens that door and no other [I-044]', async (scope) => {
  const { id, key } = await newKey({ scopes: [scope] })
  const answers = await knockAll({ 'x-api-key': key }, () => 'gateway')
  for (const [index, [needed]] of DOORS.entries()) {
    const { status, body } = answers[index]!
    expect([needed, status]).toEqual([needed, needed === scope ? 200 : 403])
    if (needed !== scope) expect(JSON.stringify(body)).toContain(`lacks the scope '${needed}'`)
    if (needed === scope && scope === 'responses') expect(body.status).toBe('completed')
  }
  await removeKey(id)
})

test('a revoked key is refused by every service at once [I-045]', async () => {
  const { id, key } = await newKey()
  expect(statuses(await knockAll({ 'x-api-key': key }, (own) => own))).toEqual([200, 200, 200, 200])
  expect((await removeKey(id)).status).toBe(204)
  // Much sooner than the 30 s after which each would ask again.
  await until(
    async () => statuses(await knockAll({ 'x-api-key': key }, (own) => own)).every((status) => status === 401),
    5_000,
  )
})

test('the OpenAI SDK takes a key as it takes one of OpenAI [I-042]', async () => {
  const { id, key } = await newKey({ scopes: ['chat'] })
  const client = new OpenAI({ baseURL: at('gateway', '/v1'), apiKey: key, maxRetries: 0 })
  const answer = await client.chat.completions.create({
    model: 'jan-v1-4b',
    messages: [{ role: 'user', content: 'Hello' }],
  })
  expect(answer.choices[0]!.message.content).toEqual(expect.any(String))
  await removeKey(id)
})

test('keys that nobody has are 401 at every door [I-042]', async () => {
  for (const key of [`sk_live_${'0'.repeat(48)}`, 'sk_nonsense']) {
    expect(statuses(await knockAll({ 'x-api-key': key }, (own) => own))).toEqual([401, 401, 401, 401])
    expect(statuses(await knockAll({ authorization: `Bearer ${key}` }, () => 'gateway'))).toEqual([401, 401, 401, 401])
  }
})
