import { text } from 'node:stream/consumers'
import { createInternalTokens, parseInternalKeys } from '@jan/service-kit/internal-token'
import { type Served, serve } from '@jan/testkit/serve'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { type Booted, bootLlmApi, call, INTERNAL_KEYS } from './boot.ts'
import { type FakeProvider, sendJson, startFakeProvider } from './fake-provider.ts'

const CAT = 'jan_01arz3ndektsv4rrffq69g5fav'
const DOG = 'jan_01arz3ndektsv4rrffq69g5faw'
const GONE = 'jan_01arz3ndektsv4rrffq69g5fax'
const IMAGES: Record<string, string> = { [CAT]: 'data:image/png;base64,Y2F0', [DOG]: 'data:image/jpeg;base64,ZG9n' }

let provider: FakeProvider
let media: Served
let service: Booted
let ann: { authorization: string }
let asked: { caller: unknown; json: { ids: string[] } }[]
let isDown: boolean

beforeAll(async () => {
  provider = await startFakeProvider()
  const tokens = createInternalTokens('media-api', parseInternalKeys(INTERNAL_KEYS))
  media = await serve(async (request, response) => {
    if (isDown) return request.socket.destroy()
    const caller = await tokens.verify(request.headers.authorization!.slice('Bearer '.length))
    const json = JSON.parse(await text(request)) as { ids: string[] }
    asked.push({ caller, json })
    const missing = json.ids.find((id) => !IMAGES[id])
    if (missing)
      return sendJson(response, 404, {
        error: `Media '${missing}' was not found`,
        message: `Media '${missing}' was not found`,
        code: 'not_found',
      })
    return sendJson(response, 200, {
      media: json.ids.map((id) => ({ id, mime: 'image/png', bytes: 3, data_url: IMAGES[id] })),
    })
  })
  service = await bootLlmApi({ JAN_MODEL_BASE_URL: provider.url, MEDIA_API_URL: media.url })
  ann = await service.as('ann')
})
beforeEach(() => {
  asked = []
  isDown = false
  provider.calls.length = 0
})
afterAll(async () => {
  await service.close()
  await media.close()
  await provider.close()
})

const ask = (...content: unknown[]) =>
  call(service, 'POST', '/v1/chat/completions', {
    headers: ann,
    json: {
      model: 'fake-model',
      messages: [
        { role: 'user', content: 'before' },
        { role: 'user', content },
      ],
    },
  })
const sentContent = () => (provider.calls[0]!.json.messages as { content: unknown }[])[1]?.content

test('ids and placeholders become images, in one call for the one who asks [H-17]', async () => {
  const answer = await ask(
    { type: 'text', text: `what is ${CAT}?` },
    { type: 'image_url', image_url: { url: CAT, detail: 'low' }, extra: 1 },
    { type: 'image_url', image_url: { url: `data:image/jpeg;${DOG}` } },
    { type: 'image_url', image_url: CAT },
    { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
  )
  expect(answer.status).toBe(200)
  expect(sentContent()).toEqual([
    { type: 'text', text: `what is ${CAT}?` },
    { type: 'image_url', image_url: { url: IMAGES[CAT], detail: 'low' }, extra: 1 },
    { type: 'image_url', image_url: { url: IMAGES[DOG] } },
    { type: 'image_url', image_url: IMAGES[CAT] },
    { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
  ])
  expect(asked).toHaveLength(1)
  expect(asked[0]).toMatchObject({
    caller: { kind: 'user', subject: 'ann', workspaceId: 'ann', via: 'llm-api' },
    json: { ids: [CAT, DOG], as: 'data_url' },
  })
})

test('without ids nobody is asked', async () => {
  expect((await ask({ type: 'text', text: CAT }, { type: 'image_url', image_url: { url: IMAGES[CAT] } })).status).toBe(
    200,
  )
  expect(asked).toHaveLength(0)
})

test.each([
  ['unknown', { url: GONE }, GONE],
  ['unknown in a placeholder', { url: `data:image/png;${GONE}` }, GONE],
  ['malformed', { url: 'jan_nope' }, 'jan_nope'],
  ['malformed in a placeholder', { url: 'data:image/png;jan_nope' }, 'jan_nope'],
])('an id that is %s is 404 naming it [H-102]', async (_what, image, id) => {
  const answer = await ask({ type: 'image_url', image_url: image })
  expect([answer.status, answer.json.message]).toEqual([404, `Media '${id}' was not found`])
  expect(provider.calls).toHaveLength(0)
})

test.each([
  [{ type: 'file', file_id: CAT }],
  [{ type: 'input_file', file_id: CAT }],
  [{ type: 'file', file: { file_id: CAT } }],
])('files are not offered yet: %j', async (part) => {
  const answer = await ask(part)
  expect([answer.status, (answer.json.error as { param: string }).param]).toEqual([400, 'messages.1.content.0'])
})

test("a provider's own file ids are its business", async () => {
  const part = { type: 'file', file: { file_id: 'file-abc' } }
  expect((await ask(part)).status).toBe(200)
  expect(sentContent()).toEqual([part])
})

test('media-api being away is 503 and says when to come back', async () => {
  isDown = true
  const answer = await ask({ type: 'image_url', image_url: { url: CAT } })
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^\d+$/)])
  expect(answer.json.message).toContain('media-api')
})

test('a small request that names a large image many times is refused before it becomes an enormous one', async () => {
  const big = 'jan_01arz3ndektsv4rrffq69g5fay'
  IMAGES[big] = `data:image/png;base64,${'A'.repeat(9 * 1024 * 1024)}`
  const image = { type: 'image_url', image_url: { url: big } }
  expect((await ask(...Array(7).fill(image))).status).toBe(200)
  provider.calls.length = 0
  const refused = await ask(...Array(8).fill(image))
  expect([refused.status, provider.calls.length]).toEqual([413, 0])
})
