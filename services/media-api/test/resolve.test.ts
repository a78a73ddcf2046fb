import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { dataUrl, png } from './images.ts'
import { type MediaService, SERVICE_KEY, startMediaService } from './media-service.ts'

const NOBODYS = 'jan_01hqr8v9k2x3f4g5h6j7k8m9n0'

let service: MediaService
let ann: Record<string, string>
let first: string
let second: string
let foreign: string

beforeAll(async () => {
  service = await startMediaService({ env: { MEDIA_RESOLVE_MAX_BYTES: '300' } })
  ann = await service.as('ann')
  first = (await service.store(png(1), ann)).id
  second = (await service.store(png(2), ann)).id
  foreign = (await service.store(png(3), await service.as('bob'))).id
})
afterAll(() => service.close())

const resolve = (json: unknown, headers = ann) => service.call('/v1/media/resolve', { json, headers })
const read = async (url: string) =>
  Buffer.from(await (await fetch(url.replace(/^http:\/\/[^/]+/, service.url))).arrayBuffer())

describe('a list of ids', () => {
  test('becomes signed URLs, each once and in order [M-023]', async () => {
    const { status, body } = await resolve({ ids: [second, first, second] })
    expect(status).toBe(200)
    const media = body.media as { id: string; presigned_url: string; expires_at: string }[]
    expect(media.map((each) => each.id)).toEqual([second, first])
    expect(Object.keys(media[0]!)).toEqual(['id', 'mime', 'bytes', 'presigned_url', 'expires_at'])
    expect((await read(media[0]!.presigned_url)).equals(png(2))).toBe(true)
    const left = Date.parse(media[0]!.expires_at) - Date.now()
    expect(left).toBeGreaterThan(290_000)
    expect(left).toBeLessThanOrEqual(300_000)
  })

  test('becomes data URLs when asked', async () => {
    const { body } = await resolve({ ids: [first], as: 'data_url' })
    expect(body).toEqual({ media: [{ id: first, mime: 'image/png', bytes: png(1).length, data_url: dataUrl(png(1)) }] })
  })

  test('names every id that is unknown or not ours [H-82 H-102]', async () => {
    const { status, body } = await resolve({ ids: [first, NOBODYS, foreign] })
    expect([status, body.error]).toEqual([404, `Media not found: ${NOBODYS}, ${foreign}`])
  })

  test('names every id that is none', async () => {
    const { status, body } = await resolve({ ids: [first, 'jan_short', 'JAN_X'] })
    expect(status).toBe(400)
    expect(body.error).toContain("'jan_short', 'JAN_X'")
  })

  test('may be empty, but not longer than a hundred', async () => {
    expect((await resolve({ ids: [] })).body).toEqual({ media: [] })
    expect((await resolve({ ids: Array(101).fill(first) })).status).toBe(400)
  })
})

describe('a payload', () => {
  test('has bare ids and placeholders replaced, and nothing else [M-022]', async () => {
    const payload = {
      messages: [
        { type: 'image_url', image_url: { url: first } },
        { type: 'image_url', image_url: { url: `data:image/png;${second}` } },
        `look at DATA:IMAGE/JPEG;${first}, then at data:image/png;${second}.`,
        `the id ${first} in a sentence`,
        `data:image/png;${first}x and data:image/png;jan_short`,
        'data:image/png;base64,iVBORw0KGgo=',
      ],
      [first]: 1,
      n: null,
      ok: true,
      deep: { list: [1.5, [first]] },
    }
    const { status, body } = await resolve({ payload, as: 'data_url' })
    expect(status).toBe(413)
    expect(body.error).toMatch(/and 300 are allowed/)

    const answer = (await resolve({ payload })).body.payload as typeof payload
    const [bare, placeholder, inside, ...untouched] = answer.messages as [
      { image_url: { url: string } },
      { image_url: { url: string } },
      string,
    ]
    expect((await read(bare.image_url.url)).equals(png(1))).toBe(true)
    expect((await read(placeholder.image_url.url)).equals(png(2))).toBe(true)
    expect(inside).toBe(`look at ${bare.image_url.url}, then at ${placeholder.image_url.url}.`)
    expect(untouched).toEqual(payload.messages.slice(3))
    expect(answer).toMatchObject({ [first]: 1, n: null, ok: true, deep: { list: [1.5, [bare.image_url.url]] } })
  })

  test('can be a single string, and may carry data URLs', async () => {
    expect((await resolve({ payload: first, as: 'data_url' })).body).toEqual({ payload: dataUrl(png(1)) })
  })

  test('reads an escaped slash as any JSON reader does [M-022]', async () => {
    const text = `{"payload":["data:image\\/png;${first}"],"as":"data_url"}`
    const { body } = await service.call('/v1/media/resolve', { text, headers: ann })
    expect(body).toEqual({ payload: [dataUrl(png(1))] })
  })

  test('without ids comes back as it was', async () => {
    for (const payload of [null, 0, '', [], { a: [{}] }]) expect((await resolve({ payload })).body).toEqual({ payload })
  })

  test('that names unknown or foreign ids is refused with all of them [M-022]', async () => {
    const { status, body } = await resolve({ payload: [first, `see data:image/png;${foreign}`, NOBODYS] })
    expect([status, body.error]).toEqual([404, `Media not found: ${foreign}, ${NOBODYS}`])
  })

  test('that is nested without end is refused', async () => {
    const text = `{"payload":${'['.repeat(5000)}${']'.repeat(5000)}}`
    const { status, body } = await service.call('/v1/media/resolve', { text, headers: ann })
    expect(status).toBe(400)
    expect(body.error).toMatch(/nested deeper than 200/)
  })
})

test('either ids or a payload is needed, not both', async () => {
  expect((await resolve({})).status).toBe(400)
  expect((await resolve({ ids: [first], payload: first })).status).toBe(400)
})

test("the operator's key resolves anybody's media, or one user's when it names one", async () => {
  const key = { 'x-media-service-key': SERVICE_KEY }
  expect((await resolve({ ids: [first, foreign] }, key)).status).toBe(200)
  expect((await resolve({ ids: [first], user_id: 'ann' }, key)).status).toBe(200)
  expect((await resolve({ ids: [first, foreign], user_id: 'ann' }, key)).body.error).toBe(`Media not found: ${foreign}`)
})
