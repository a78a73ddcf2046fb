import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { bmp, dataUrl, gif, jpeg, png, pngOf, tiff, webp } from './images.ts'
import { type MediaService, startMediaService } from './media-service.ts'

let service: MediaService
let ann: Record<string, string>

beforeAll(async () => {
  service = await startMediaService({ env: { MEDIA_MAX_BYTES: '4096' } })
  ann = await service.as('ann')
})
afterAll(() => service.close())

const ingest = (source: unknown, more: Record<string, unknown> = {}) =>
  service.call('/v1/media', { json: { source, ...more }, headers: ann })

describe('storing a data URL', () => {
  test('answers with every key of the contract, and the bytes can be read back [H-16 H-84]', async () => {
    const picture = png(1)
    const { status, body } = await ingest({ type: 'data_url', data_url: dataUrl(picture) })
    expect(status).toBe(200)
    expect(Object.keys(body)).toEqual(['id', 'mime', 'bytes', 'deduped', 'presigned_url'])
    expect(body).toMatchObject({ mime: 'image/png', bytes: picture.length, deduped: false })
    expect(body.id).toMatch(/^jan_[0-9a-hjkmnp-tv-z]{26}$/)
    const content = await fetch(`${service.url}/v1/media/${body.id}`, { headers: ann })
    expect(Buffer.from(await content.arrayBuffer()).equals(picture)).toBe(true)
  })

  test('takes every name of a source type in any letter case', async () => {
    for (const type of ['data_url', 'DataURI', 'DATAURL'])
      expect((await ingest({ type, data_url: dataUrl(png(2)) })).status).toBe(200)
  })

  test('goes by the bytes, not by the declared type [H-84]', async () => {
    const kinds = { 'image/jpeg': jpeg, 'image/gif': gif, 'image/webp': webp, 'image/bmp': bmp, 'image/tiff': tiff }
    for (const [mime, bytes] of Object.entries(kinds))
      expect((await ingest({ type: 'data_url', data_url: dataUrl(bytes, 'image/png') })).body).toMatchObject({ mime })
  })

  test('refuses what it does not know, whatever it is called', async () => {
    const refused: [string | Buffer, number][] = [
      ['<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', 415],
      ['<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', 415],
      [Buffer.from([0, 1, 2, 3, 255]), 415],
      ['%PDF-1.7\n%âãÏÓ\n', 400],
    ]
    for (const [content, expected] of refused) {
      const { status, body } = await ingest({ type: 'data_url', data_url: dataUrl(Buffer.from(content)) })
      expect([content, status]).toEqual([content, expected])
      if (expected === 415) expect(body.error).toMatch(/^Only images \(PNG, .* are accepted, and this is/)
    }
  })

  test('knows a text by its bytes, and serves a page as a file to save [M-019]', async () => {
    const texts = {
      'BM is how this text begins, and it is no picture': 'text/plain',
      'GIF is how this text begins, and it is no picture': 'text/plain',
      '{"a":1}': 'application/json',
      '<!doctype html><script>alert(1)</script>': 'text/html',
    }
    for (const [text, mime] of Object.entries(texts))
      expect((await ingest({ type: 'data_url', data_url: dataUrl(Buffer.from(text)) })).body).toMatchObject({ mime })
    const { id } = await service.store(Buffer.from('<!doctype html><p>x'), ann)
    const answer = await fetch(`${service.url}/v1/media/${id}`, { headers: ann })
    expect(answer.headers.get('content-disposition')).toMatch(/^attachment; /)
    await answer.body?.cancel()
  })

  test('serves a picture that is also a page as nothing but a picture [M-019]', async () => {
    const polyglot = Buffer.concat([png(3), Buffer.from('<script>alert(1)</script>')])
    const { id } = await service.store(polyglot, ann, { filename: '../../page.html' })
    const answer = await fetch(`${service.url}/v1/media/${id}`, { headers: ann })
    expect(answer.headers.get('content-type')).toBe('image/png')
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(answer.headers.get('content-security-policy')).toBe("default-src 'none'; sandbox")
    expect(answer.headers.get('content-disposition')).toBe(
      `inline; filename="page.html.png"; filename*=UTF-8''page.html.png`,
    )
    await answer.body?.cancel()
  })

  test('says what is wrong with a bad request', async () => {
    const wrong: [unknown, RegExp][] = [
      [{ type: 'data_url', data_url: 'hello' }, /not a data URL/],
      [{ type: 'data_url', data_url: 'data:image/png,abc' }, /must be base64/],
      [{ type: 'data_url', data_url: 'data:image/png;base64,' }, /is empty/],
      [{ type: 'data_url', data_url: 'data:image/png;base64,iVB*' }, /not valid/],
      [{ type: 'data_url', data_url: 'data:image/png;base64,iVBOR' }, /not valid/],
      [{ type: 'data_url' }, /source.data_url is needed/],
      [{ type: 'remote_url' }, /source.url is needed/],
      [{ type: 'carrier_pigeon' }, /unknown source type carrier_pigeon/],
      [undefined, /source/],
    ]
    for (const [source, message] of wrong) {
      const { status, body } = await ingest(source)
      expect(status).toBe(400)
      expect(body.error).toMatch(message)
      expect(body).toMatchObject({ message: body.error, request_id: expect.any(String) })
    }
  })

  test('names the position where JSON breaks [H-100]', async () => {
    const { status, body } = await service.call('/v1/media', { text: '{"source": {,}}', headers: ann })
    expect(status).toBe(400)
    expect(body.error).toMatch(/position 12 \(line 1, column 13\)/)
  })

  test('takes an object of exactly the limit, refuses one byte more, and refuses a far larger body unread [H-101 M-026]', async () => {
    expect((await service.store(pngOf(4096), ann)).bytes).toBe(4096)
    for (const size of [4097, 200_000]) {
      const { status, body } = await ingest({ type: 'data_url', data_url: dataUrl(pngOf(size)) })
      expect([status, body.code]).toEqual([413, 'payload_too_large'])
    }
  })
})

describe('the same bytes again', () => {
  test('give the same id within a workspace and another in another [M-017]', async () => {
    const first = await service.store(png(10), ann)
    const second = await service.store(png(10), ann)
    const foreign = await service.store(png(10), await service.as('bob'))
    expect(second).toMatchObject({ id: first.id, deduped: true })
    expect(foreign.deduped).toBe(false)
    expect(foreign.id).not.toBe(first.id)
  })

  test('sent ten times at once are one object, one row and one new id', async () => {
    const before = (await service.files()).length
    const stored = await Promise.all(Array.from({ length: 10 }, () => service.store(png(11), ann)))
    expect(new Set(stored.map((each) => each.id)).size).toBe(1)
    expect(stored.filter((each) => each.deduped)).toHaveLength(9)
    expect(await service.files()).toHaveLength(before + 1)
    const sha256 = createHash('sha256').update(png(11)).digest('hex')
    expect(await service.db.query('SELECT id FROM media_object WHERE sha256 = $1', [sha256])).toHaveLength(1)
  })

  test('mend an object whose bytes were lost', async () => {
    const { id } = await service.store(png(12), ann)
    const [row] = await service.db.query('SELECT storage_key FROM media_object WHERE id = $1', [id])
    await service.deps.storage.delete(row!.storage_key as string)
    expect((await service.call(`/v1/media/${id}`, { headers: ann })).body.error).toMatch(
      /bytes of this object are missing/,
    )
    expect(await service.store(png(12), ann)).toMatchObject({ id, deduped: true })
    expect((await fetch(`${service.url}/v1/media/${id}`, { headers: ann })).status).toBe(200)
  })
})

test('identical uploads that all find nothing are decided by the index, and the losers clean up [M-025]', async () => {
  const racing = await startMediaService({
    replace: ({ media }) => ({ media: { ...media, findKnown: async () => undefined } }),
  })
  try {
    const bob = await racing.as('bob')
    const stored = await Promise.all(Array.from({ length: 10 }, () => racing.store(png(), bob)))
    expect(new Set(stored.map((each) => each.id)).size).toBe(1)
    expect(stored.filter((each) => !each.deduped)).toHaveLength(1)
    expect(await racing.files()).toEqual([expect.stringMatching(`^${stored[0]?.id}-[0-9a-f]{8}$`)])
  } finally {
    await racing.close()
  }
})

test('an insert that fails leaves no object behind [M-025]', async () => {
  const failing = await startMediaService({
    replace: ({ media }) => ({ media: { ...media, insertOrFind: () => Promise.reject(new Error('disk full')) } }),
  })
  try {
    const source = { type: 'data_url', data_url: dataUrl(png(13)) }
    const { status, body } = await failing.call('/v1/media', { json: { source }, headers: await failing.as('ann') })
    expect([status, body.error]).toEqual([500, 'Internal server error'])
    expect(await failing.files()).toEqual([])
  } finally {
    await failing.close()
  }
})
