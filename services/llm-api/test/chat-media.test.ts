import type { ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { createInternalTokens, parseInternalKeys } from '@jan/service-kit/internal-token'
import { type Served, serve } from '@jan/testkit/serve'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { type Booted, bootLlmApi, call, INTERNAL_KEYS } from './boot.ts'
import { type FakeProvider, sendJson, startFakeProvider } from './fake-provider.ts'

const CAT = 'jan_01arz3ndektsv4rrffq69g5fav'
const DOG = 'jan_01arz3ndektsv4rrffq69g5faw'
const GONE = 'jan_01arz3ndektsv4rrffq69g5fax'
const IMAGES: Record<string, string> = { [CAT]: 'data:image/png;base64,Y2F0', [DOG]: 'data:image/jpeg;base64,ZG9n' }

const PAPER = 'jan_01arz3ndektsv4rrffq69g5fb0'
IMAGES[PAPER] = 'data:application/pdf;base64,cGRm'
const SOUND = 'jan_01arz3ndektsv4rrffq69g5fb1'
IMAGES[SOUND] = 'data:audio/wav;base64,d2F2'

const mimeOf = (id: string) => /^data:([^;]+)/.exec(IMAGES[id]!)![1]!

/** What media-api knows of an object. */
function tell(response: ServerResponse, id: string, what: string): void {
  const message = `Media '${id}' was not found`
  if (!IMAGES[id]) sendJson(response, 404, { error: message, message, code: 'not_found' })
  else if (what === 'metadata') sendJson(response, 200, { id, mime: mimeOf(id), filename: 'paper.pdf' })
  else sendJson(response, 200, { id, mime: mimeOf(id), text: 'words of the paper', truncated: false })
}

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
    const [, id, what] = /^\/v1\/media\/(jan_\w+)\/(metadata|text)$/.exec(request.url!) ?? []
    if (id) return tell(response, id, what!)
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
      media: json.ids.map((id) => ({ id, mime: mimeOf(id), bytes: 3, data_url: IMAGES[id] })),
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

test('ids and placeholders become images, in one call for the one who asks [H-17 W-047]', async () => {
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
])('an id that is %s is 404 naming it [H-102 L-039]', async (_what, image, id) => {
  const answer = await ask({ type: 'image_url', image_url: image })
  expect([answer.status, answer.json.message]).toEqual([404, `Media '${id}' was not found`])
  expect(provider.calls).toHaveLength(0)
})

describe('files [L-038]', () => {
  test.each([[{ type: 'input_file', file_id: PAPER }], [{ type: 'file', file: { file_id: PAPER } }]])(
    'a model that takes none gets the text of %j',
    async (part) => {
      expect((await ask(part)).status).toBe(200)
      expect(sentContent()).toEqual([{ type: 'text', text: 'paper.pdf:\nwords of the paper' }])
    },
  )

  test('a picture that is sent as a file is a picture', async () => {
    await ask({ type: 'input_file', file_id: CAT })
    expect(sentContent()).toEqual([{ type: 'image_url', image_url: { url: IMAGES[CAT] } }])
  })

  test('a sound is given as its bytes', async () => {
    await ask({ type: 'input_audio', input_audio: { data: SOUND, format: 'wav' } })
    expect(sentContent()).toEqual([{ type: 'input_audio', input_audio: { data: 'd2F2', format: 'wav' } }])
  })

  test('an unknown one is 404 naming it, and no provider sees it [L-039]', async () => {
    const answer = await ask({ type: 'input_file', file_id: GONE })
    expect([answer.status, answer.json.message]).toEqual([404, `Media '${GONE}' was not found`])
    expect(provider.calls).toHaveLength(0)
  })
})

test('a picture of long ago that is gone ends no conversation [L-038]', async () => {
  const { json } = await call(service, 'POST', '/v1/conversations', { headers: ann, json: {} })
  const say = (content: unknown) =>
    call(service, 'POST', '/v1/chat/completions', {
      headers: ann,
      json: { model: 'fake-model', conversation: json.id, messages: [{ role: 'user', content }] },
    })
  IMAGES[GONE] = 'data:image/png;base64,Z29uZQ=='
  await say([
    { type: 'text', text: 'look' },
    { type: 'image_url', image_url: { url: GONE } },
  ])
  expect((await say('and again')).status).toBe(200)
  expect(JSON.stringify(provider.calls.at(-1)!.json)).toContain('Z29uZQ==')
  delete IMAGES[GONE]
  expect((await say('and now?')).status).toBe(200)
  expect(JSON.stringify(provider.calls.at(-1)!.json.messages)).toContain('(an image that is not there any more)')
  // Who names it now is told.
  expect((await say([{ type: 'image_url', image_url: { url: GONE } }])).status).toBe(404)
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
