import { text as bodyOf } from 'node:stream/consumers'
import { silentLogger as log } from '@jan/service-kit/logger'
import { type Served, serve } from '@jan/testkit/serve'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { reapMedia } from '../src/media/reap-media.job.ts'
import { createTextReader } from '../src/text/text-reader.ts'
import { createTexts } from '../src/text/texts.ts'
import { lockedPdf } from './documents.ts'
import { png } from './images.ts'
import { type MediaService, type Reply, startMediaService } from './media-service.ts'
import { sample } from './samples.ts'

let service: MediaService
let ann: Record<string, string>

beforeAll(async () => {
  service = await startMediaService()
  ann = await service.as('ann')
})
afterAll(() => service.close())

const get = (path: string, headers = ann) => service.call(path, { headers })
const store = async (bytes: Buffer, headers = ann, more = {}) => (await service.store(bytes, headers, more)).id
const remove = (id: string, headers = ann) => service.call(`/v1/media/${id}`, { method: 'DELETE', headers })
const reap = async (of = service) => {
  const context = { signal: new AbortController().signal, log, attempt: 1, jobId: '1' }
  await reapMedia.run(of.deps, {}, context)
}
const idsOf = ({ body }: Reply) => (body.data as { id: string }[]).map(({ id }) => id)

describe('a list [M-003]', () => {
  test('has what is the caller’s, newest first, by pages, by type and by time', async () => {
    const carl = await service.as('carl')
    const ids = [
      await store(png(1), carl),
      await store(sample('text/csv').bytes, carl, { filename: 'a.csv' }),
      await store(png(2), carl),
    ]
    expect(idsOf(await get('/v1/media', carl))).toEqual(ids.toReversed())
    const first = await get('/v1/media?limit=2&order=asc', carl)
    expect([idsOf(first), first.body.has_more]).toEqual([ids.slice(0, 2), true])
    expect(idsOf(await get(`/v1/media?order=asc&after=${ids[1]}`, carl))).toEqual([ids[2]])
    expect(idsOf(await get('/v1/media?type=image/', carl))).toEqual([ids[2], ids[0]])
    expect(idsOf(await get('/v1/media?type=text/csv', carl))).toEqual([ids[1]])
    expect(idsOf(await get('/v1/media?since=2100-01-01T00:00:00Z', carl))).toEqual([])
    expect(idsOf(await get('/v1/media?until=2100-01-01T00:00:00Z', carl))).toHaveLength(3)
    expect(idsOf(await get('/v1/media', await service.as('dora')))).toEqual([])
    for (const query of ['limit=0', 'limit=x', 'since=yesterday', 'order=up', 'after=x', 'before=%00', 'type=%00'])
      expect((await get(`/v1/media?${query}`, carl)).status).toBe(400)
  })
})

describe('metadata [M-004]', () => {
  test('tell size, name, measures and when it expires', async () => {
    const picture = sample('image/png')
    const id = await store(picture.bytes, ann, { filename: 'cat.png' })
    expect((await get(`/v1/media/${id}/metadata`)).body).toMatchObject({
      id,
      object: 'media',
      mime: 'image/png',
      bytes: picture.bytes.length,
      filename: 'cat.png',
      width: picture.width,
      height: picture.height,
      expires_at: expect.stringMatching(/^\d{4}-/),
    })
    const pdf = await store(sample('application/pdf').bytes)
    expect((await get(`/v1/media/${pdf}/metadata`)).body.pages).toBeGreaterThan(0)
    expect((await get(`/v1/media/${pdf}/metadata`, await service.as('bob'))).status).toBe(404)
  })
})

describe('deleting [M-005]', () => {
  test('hides an object at once, and its bytes go when its URLs have run out', async () => {
    const id = await store(png(10))
    expect((await remove(id, await service.as('bob'))).status).toBe(404)
    expect([(await remove(id)).body, (await remove(id)).status]).toEqual([{ id, object: 'media', deleted: true }, 404])
    for (const path of ['', '/metadata', '/presign']) expect((await get(`/v1/media/${id}${path}`)).status).toBe(404)
    await reap()
    expect((await service.files()).some((name) => name.includes(id))).toBe(true)
    await service.db.query(`UPDATE media_object SET deleted_at = deleted_at - interval '1 hour' WHERE id = $1`, [id])
    await reap()
    expect((await service.files()).some((name) => name.includes(id))).toBe(false)
    expect(await service.db.query('SELECT FROM media_object WHERE id = $1', [id])).toEqual([])
  })

  test('makes room for the same bytes under a new id', async () => {
    const id = await store(png(11))
    await remove(id)
    expect(await store(png(11))).not.toBe(id)
  })
})

describe('retention [M-006]', () => {
  test('an expired object is gone for everybody, then in the storage; sent again in time it stays', async () => {
    const expire = (id: string) =>
      service.db.query(`UPDATE media_object SET expires_at = now() - interval '1 second' WHERE id = $1`, [id])
    const [gone, kept] = [await store(png(20)), await store(png(21))]
    await expire(gone)
    await expire(kept)
    expect((await get(`/v1/media/${gone}`)).status).toBe(404)
    expect(await store(png(21))).toBe(kept)
    await reap()
    expect((await get(`/v1/media/${kept}/metadata`)).status).toBe(200)
    const [row] = await service.db.query('SELECT deleted_at FROM media_object WHERE id = $1', [gone])
    expect(row!.deleted_at).toBeInstanceOf(Date)
  })

  test('what came to a slot is there to be used for a day', async () => {
    const { body } = await service.call('/v1/media/prepare-upload', { json: { mime_type: 'image/png' }, headers: ann })
    await service.deps.storage.put(`incoming/${body.id}`, png(23), { type: 'image/png' })
    await reap({ ...service, deps: { ...service.deps, now: () => new Date(Date.now() + 23 * 3_600_000) } })
    expect((await get(`/v1/media/${body.id}/metadata`)).body).toMatchObject({ id: body.id, mime: 'image/png' })
  })

  test('slots that nobody filled, and bytes that no row names, are removed', async () => {
    const slot = await service.call('/v1/media/prepare-upload', { json: { mime_type: 'image/png' }, headers: ann })
    await service.deps.storage.put(`incoming/${slot.body.id}`, Buffer.from('half'), { type: 'image/png' })
    await service.deps.storage.put('media/jan_01hqr8v9k2x3f4g5h6j7k8m9n0-00000000', Buffer.from('orphan'), {
      type: 'x',
    })
    const kept = await store(png(22))
    const old = { ...service, deps: { ...service.deps, now: () => new Date(Date.now() + 2 * 86_400_000) } }
    await service.db.query('UPDATE media_object SET expires_at = NULL')
    await reap(old)
    const files = await service.files()
    expect(files.filter((name) => name.includes(String(slot.body.id)) || name.includes('k8m9n0'))).toEqual([])
    expect(files.some((name) => name.includes(kept))).toBe(true)
    expect(await service.db.query('SELECT FROM upload_slot WHERE id = $1', [slot.body.id])).toEqual([])
  })
})

describe('a quota [M-007]', () => {
  let small: MediaService
  beforeAll(async () => {
    small = await startMediaService({ env: { MEDIA_QUOTA_BYTES: '200', MEDIA_QUOTA_OBJECTS: '3' } })
  })
  afterAll(() => small.close())

  test('is told, kept under a rush, and given back by deleting', async () => {
    const eve = await small.as('eve')
    const usage = async () => (await small.call('/v1/media/usage', { headers: eve })).body
    expect(await usage()).toEqual({ bytes: 0, objects: 0, max_bytes: 200, max_objects: 3 })
    const send = (bytes: Buffer) =>
      small.call('/v1/media', {
        json: { source: { type: 'data_url', data_url: `data:;base64,${bytes.toString('base64')}` } },
        headers: eve,
      })
    const rush = await Promise.all([1, 2, 3, 4, 5].map((shade) => send(png(shade))))
    const stored = rush.filter(({ status }) => status === 200)
    const { bytes, objects } = (await usage()) as { bytes: number; objects: number }
    expect(objects).toBe(stored.length)
    expect(bytes).toBe(stored.reduce((sum, { body }) => sum + Number(body.bytes), 0))
    expect(bytes).toBeLessThanOrEqual(200)
    expect(await small.files()).toHaveLength(stored.length)
    const refused = rush.find(({ status }) => status !== 200)!
    expect([413, 429]).toContain(refused.status)
    expect(refused.body).toMatchObject({ code: 'quota_exceeded', error: expect.stringMatching(/left/) })
    // The same bytes again take no room.
    expect((await send(png(rush.indexOf(stored[0]!) + 1))).status).toBe(200)
    for (const { body } of stored) await small.call(`/v1/media/${body.id}`, { method: 'DELETE', headers: eve })
    expect(await usage()).toMatchObject({ bytes: 0, objects: 0 })
  })

  test('of direct uploads that nobody has completed is 429, says what to do, and is kept under a rush', async () => {
    const service = await startMediaService({ env: { MEDIA_QUOTA_UPLOADS: '3' } })
    const gus = await service.as('gus')
    const prepare = (headers = gus, key = {}) =>
      service.call('/v1/media/prepare-upload', { json: { mime_type: 'image/png' }, headers: { ...headers, ...key } })
    const rush = await Promise.all([1, 2, 3, 4, 5, 6].map(() => prepare()))
    const slots = rush.filter(({ status }) => status === 200)
    expect(slots).toHaveLength(3)
    const refused = rush.find(({ status }) => status !== 200)!
    expect(refused).toMatchObject({ status: 429, body: { code: 'quota_exceeded' } })
    expect(refused.body.error).toMatch(/3 uploads .* complete them, .* a day/)
    expect((await prepare(await service.as('hal'))).status).toBe(200)
    await service.deps.storage.put(`incoming/${slots[0]!.body.id}`, png(40), { type: 'image/png' })
    await service.call(`/v1/media/${slots[0]!.body.id}/complete`, { method: 'POST', headers: gus })
    const key = { 'idempotency-key': 'one' }
    const last = await prepare(gus, key)
    expect([last.status, (await prepare(gus, key)).body.id]).toEqual([200, last.body.id])
    expect((await prepare()).status).toBe(429)
    await service.close()
  })

  test('of objects is 429 and says so', async () => {
    const fay = await small.as('fay')
    const send = (content: string) =>
      small.call('/v1/media', {
        json: { source: { type: 'data_url', data_url: `data:;base64,${Buffer.from(content).toString('base64')}` } },
        headers: fay,
      })
    for (const content of ['a', 'b', 'c']) expect((await send(content)).status).toBe(200)
    expect(await send('d')).toMatchObject({ status: 429, body: { code: 'quota_exceeded' } })
  })
})

describe('text [M-008]', () => {
  test('of documents is read once and kept; pictures have none', async () => {
    const expected: [string, RegExp][] = [
      ['application/pdf', /\w/],
      ['application/vnd.openxmlformats-officedocument.wordprocessingml.document', /\w/],
      ['text/html', /\w/],
      ['text/csv', /,/],
    ]
    for (const [mime, words] of expected) {
      const id = await store(sample(mime).bytes)
      const first = await get(`/v1/media/${id}/text`)
      expect([mime, first.status, first.body.truncated]).toEqual([mime, 200, false])
      expect(first.body.text).toMatch(words)
      expect((await get(`/v1/media/${id}/text`)).body).toEqual(first.body)
      expect(await service.db.query('SELECT text_key FROM media_object WHERE id = $1', [id])).toEqual([
        { text_key: `text/${id}` },
      ])
    }
    expect((await get(`/v1/media/${await store(png(30))}/text`)).status).toBe(415)
  })

  test('that cannot be read is refused once and for all, without another look', async () => {
    const id = await store(lockedPdf)
    const first = await get(`/v1/media/${id}/text`)
    expect([first.status, first.body]).toMatchObject([400, { error: expect.stringMatching(/password/) }])
    const [row] = await service.db.query('SELECT storage_key FROM media_object WHERE id = $1', [id])
    await service.deps.storage.delete(String(row!.storage_key))
    const again = await get(`/v1/media/${id}/text`)
    expect([again.status, again.body]).toMatchObject([400, { error: first.body.error, code: first.body.code }])
  })

  test('that took too long is looked at again: that was the machine', async () => {
    const hasty = { texts: createTexts(createTextReader({ timeoutMs: 1 })) }
    const busy = await startMediaService({ replace: () => hasty })
    const ann = await busy.as('ann')
    const { id } = await busy.store(sample('text/csv').bytes, ann)
    expect(await busy.call(`/v1/media/${id}/text`, { headers: ann })).toMatchObject({ status: 400 })
    expect(await busy.db.query('SELECT text_key FROM media_object')).toEqual([{ text_key: null }])
    await busy.close()
  })
})

describe('a scanner [M-009]', () => {
  let scanner: Served
  let scanned: MediaService
  let verdict: number
  const seen: string[] = []
  beforeAll(async () => {
    scanner = await serve(async (request, response) => {
      seen.push(`${request.headers['content-type']} ${(await bodyOf(request)).length}`)
      response.writeHead(verdict).end()
    })
    scanned = await startMediaService({ env: { MEDIA_SCAN_URL: `${scanner.url}/scan` } })
  })
  afterAll(async () => {
    await scanned.close()
    await scanner.close()
  })

  test('sees every object before anybody does, and may refuse it; without its word nothing is stored', async () => {
    const gil = await scanned.as('gil')
    const send = (shade: number) =>
      scanned.call('/v1/media', {
        json: {
          source: { type: 'data_url', data_url: `data:;base64,${Buffer.from(`words ${shade}`).toString('base64')}` },
        },
        headers: gil,
      })
    verdict = 200
    expect((await send(1)).status).toBe(200)
    expect(seen).toEqual(['text/plain 7'])
    verdict = 422
    expect((await send(2)).status).toBe(422)
    verdict = 500
    expect((await send(3)).status).toBe(503)
    expect(await scanned.files()).toHaveLength(1)
  })
})
