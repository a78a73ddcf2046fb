import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { png } from './images.ts'
import { type MediaService, type Reply, SERVICE_KEY, startMediaService } from './media-service.ts'
import { samples } from './samples.ts'

let service: MediaService
let ann: Record<string, string>
let port: number

beforeAll(async () => {
  service = await startMediaService()
  ann = await service.as('ann')
  port = Number(new URL(service.url).port)
})
afterAll(() => service.close())

type Part = { bytes: Buffer | string; name?: string; type?: string; field?: string }

async function upload(part: Part, fields: Record<string, string> = {}, headers = ann): Promise<Reply> {
  const form = new FormData()
  form.append(part.field ?? 'file', new Blob([part.bytes as never], { type: part.type ?? '' }), part.name ?? 'a')
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  const answer = await fetch(`${service.url}/v1/media`, { method: 'POST', body: form, headers })
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Reply['body'] }
}

const content = async (id: unknown, headers = ann) => {
  const answer = await fetch(`${service.url}/v1/media/${id}`, { headers })
  return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()), headers: answer.headers }
}
const metadata = (id: unknown, headers = ann) => service.call(`/v1/media/${id}/metadata`, { headers })

describe('a form [M-001]', () => {
  test.each(samples.map((each) => [each.mime, each] as const))(
    'stores %s [M-010]',
    async (mime, { bytes, filename }) => {
      const { status, body } = await upload({ bytes, name: filename })
      expect([status, body]).toMatchObject([200, { mime, bytes: bytes.length, deduped: false }])
      expect((await content(body.id)).bytes.equals(bytes)).toBe(true)
      const again = await upload({ bytes, name: 'other' })
      expect(again.body).toMatchObject({ id: body.id, deduped: true })
    },
  )

  test('keeps a safe filename, from the part or the field', async () => {
    const named = await upload({ bytes: png(200), name: '../../etc/pass\u0000wd' })
    expect((await metadata(named.body.id)).body.filename).toBe('passwd.png')
    const field = await upload({ bytes: png(201), name: 'x.png' }, { filename: 'mine.png' })
    expect((await metadata(field.body.id)).body.filename).toBe('mine.png')
  })

  test('acts for whom a service names, before or behind the file', async () => {
    const key = { 'x-media-service-key': SERVICE_KEY }
    const stored = await upload({ bytes: png(202) }, { user_id: 'bob' }, key)
    expect(stored.status).toBe(200)
    expect((await metadata(stored.body.id, await service.as('bob'))).status).toBe(200)
    expect((await metadata(stored.body.id)).status).toBe(404)
    expect((await upload({ bytes: png(203) }, {}, key)).status).toBe(400)
    for (const user_id of ['', 'a b', 'a\0', 'a'.repeat(129)])
      expect((await upload({ bytes: png(203) }, { user_id }, key)).status).toBe(400)
  })

  test.each<[string, Part, number]>([
    ['with a wrong declared type', { bytes: png(204), type: 'image/gif' }, 415],
    ['with nothing in it', { bytes: '' }, 400],
    ['that is cut off', { bytes: png(205).subarray(0, 40) }, 400],
    [
      'that is an archive, too',
      { bytes: Buffer.concat([png(206), Buffer.from('PK\u0005\u0006'), Buffer.alloc(18)]) },
      415,
    ],
    ['of an unknown kind', { bytes: Buffer.from([1, 2, 0, 4]) }, 415],
    ['under another name', { bytes: png(207), field: 'image' }, 400],
  ])('%s is refused, and nothing of it stays [M-011]', async (_what, part, expected) => {
    const before = await service.files()
    const { status, body } = await upload(part)
    expect([status, typeof body.error]).toEqual([expected, 'string'])
    await until(async () => (await service.files()).length === before.length)
  })

  test('of other bytes than were announced is refused, however it comes [M-011]', async () => {
    const sha256 = createHash('sha256').update(png(210)).digest('hex')
    const before = (await service.files()).length
    expect((await upload({ bytes: png(211) }, { sha256 })).status).toBe(400)
    const source = { type: 'data_url', data_url: `data:image/png;base64,${png(211).toString('base64')}` }
    expect((await service.call('/v1/media', { json: { source, sha256 }, headers: ann })).status).toBe(400)
    expect((await service.files()).length).toBe(before)
    expect((await upload({ bytes: png(210) }, { sha256: sha256.toUpperCase() })).status).toBe(200)
  })

  test('that breaks off leaves nothing [M-011]', async () => {
    const before = (await service.files()).length
    const socket = connect(port, '127.0.0.1')
    const body = `--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n${'text '.repeat(40_000)}`
    socket.write(
      `POST /v1/media HTTP/1.1\r\nHost: x\r\nAuthorization: ${ann.authorization}\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 900000\r\n\r\n${body}`,
    )
    await until(async () => (await service.files()).length > before)
    socket.destroy()
    await until(async () => (await service.files()).length === before)
  })

  test('may leave out what the file is', async () => {
    const body = Buffer.concat([
      Buffer.from('--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'),
      png(212),
      Buffer.from('\r\n--x--\r\n'),
    ])
    const answer = await fetch(`${service.url}/v1/media`, {
      method: 'POST',
      body,
      headers: { ...ann, 'content-type': 'multipart/form-data; boundary=x' },
    })
    expect([answer.status, await answer.json()]).toMatchObject([200, { mime: 'image/png' }])
  })

  test('that is none is said to be none', async () => {
    const send = async (type: string, body: string) => {
      const answer = await fetch(`${service.url}/v1/media`, {
        method: 'POST',
        body,
        headers: { ...ann, 'content-type': type },
      })
      return answer.status
    }
    expect(await send('multipart/form-data', 'x')).toBe(400)
    expect(await send('multipart/form-data; boundary=x', 'no form at all')).toBe(400)
    expect(
      await send(
        'multipart/form-data; boundary=x',
        '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n',
      ),
    ).toBe(400)
    expect(await send('image/png', 'bytes')).toBe(400)
  })
})

describe('a direct upload [M-002]', () => {
  const prepare = async (json: object, headers = ann) =>
    (await service.call('/v1/media/prepare-upload', { json, headers })).body
  const put = async (slot: Reply['body'], bytes: Buffer, headers?: Record<string, string>) => {
    const { pathname, search } = new URL(String(slot.upload_url))
    const answer = await fetch(`${service.url}${pathname}${search}`, {
      method: 'PUT',
      body: bytes,
      headers: headers ?? (slot.headers as Record<string, string>),
    })
    return answer.status
  }
  const complete = (id: unknown, headers = ann) => service.call(`/v1/media/${id}/complete`, { method: 'POST', headers })

  test('is complete once its bytes are judged, and again the same', async () => {
    const bytes = png(100)
    const slot = await prepare({ mime_type: 'image/png', bytes: bytes.length, filename: 'cat.png' })
    expect(slot).toMatchObject({ id: expect.stringMatching(/^jan_/), mime_type: 'image/png', expires_in: 300 })
    expect((await complete(slot.id)).status).toBe(409)
    expect((await metadata(slot.id)).status).toBe(404)
    expect(await put(slot, bytes)).toBe(200)
    const done = await complete(slot.id)
    expect([done.status, done.body]).toMatchObject([200, { id: slot.id, mime: 'image/png', deduped: false }])
    expect((await complete(slot.id)).body.id).toBe(slot.id)
    expect((await metadata(slot.id)).body).toMatchObject({
      filename: 'cat.png',
      sha256: createHash('sha256').update(bytes).digest('hex'),
    })
  })

  test('is completed by its first use', async () => {
    const slot = await prepare({ mime_type: 'image/png' })
    await put(slot, png(101))
    const { status, body } = await service.call('/v1/media/resolve', { json: { ids: [slot.id] }, headers: ann })
    expect([status, body]).toMatchObject([200, { media: [{ id: slot.id, mime: 'image/png' }] }])
  })

  test('of bytes that are known leads to the object they are', async () => {
    const known = await service.store(png(102), ann)
    const slot = await prepare({ mime_type: 'image/png' })
    await put(slot, png(102))
    expect((await complete(slot.id)).body).toMatchObject({ id: known.id, deduped: true })
    expect((await metadata(slot.id)).body.id).toBe(known.id)
    expect((await content(slot.id)).bytes.equals(png(102))).toBe(true)
  })

  test('cannot be changed once it was judged', async () => {
    const slot = await prepare({ mime_type: 'image/png' })
    await put(slot, png(103))
    await complete(slot.id)
    await put(slot, png(104))
    expect((await complete(slot.id)).status).toBe(200)
    expect((await content(slot.id)).bytes.equals(png(103))).toBe(true)
  })

  test.each<[string, object, Buffer, number]>([
    ['of another type', { mime_type: 'image/jpeg' }, png(105), 415],
    ['of no kind we know', { mime_type: 'image/png' }, Buffer.from([0, 1, 2]), 415],
    ['that is cut off', { mime_type: 'image/png' }, png(106).subarray(0, 40), 400],
    ['with another SHA-256', { mime_type: 'image/png', sha256: '0'.repeat(64) }, png(109), 400],
  ])('%s is refused and not kept; the right bytes can still come [M-011]', async (_what, wish, bytes, expected) => {
    const slot = await prepare(wish)
    expect(await put(slot, bytes)).toBe(200)
    expect((await complete(slot.id)).status).toBe(expected)
    expect((await service.files()).filter((name) => name.includes(String(slot.id)))).toEqual([])
    const { status, body } = await complete(slot.id)
    expect([status, body.error]).toEqual([409, expect.stringContaining('refused')])
  })

  test('may have any name, and none has an id that is none [M-011]', async () => {
    const slot = await prepare({ mime_type: 'image/png', filename: 'c\0at\ud800.png' })
    expect(await put(slot, png(110))).toBe(200)
    expect((await complete(slot.id)).status).toBe(200)
    expect((await metadata(slot.id)).body.filename).toBe('cat.png')
    expect((await complete('%00')).status).toBe(404)
  })

  test('is bound to its type, its length and its person', async () => {
    const slot = await prepare({ mime_type: 'image/png', bytes: png(107).length })
    expect(await put(slot, png(107), { 'content-type': 'text/html' })).toBe(415)
    expect(await put(slot, Buffer.concat([png(107), Buffer.alloc(1)]))).toBeGreaterThanOrEqual(400)
    expect(await put(slot, png(107))).toBe(200)
    expect((await complete(slot.id, await service.as('bob'))).status).toBe(404)
    expect((await complete(slot.id)).status).toBe(200)
  })

  test('is refused for what would never be taken', async () => {
    const wishes: [object, number][] = [
      [{ mime_type: 'image/svg+xml' }, 415],
      [{ mime_type: 'image/png', bytes: 21 * 1024 * 1024 }, 413],
      [{ mime_type: 'image/png', bytes: 0 }, 400],
      [{}, 400],
    ]
    for (const [json, expected] of wishes) {
      const { status } = await service.call('/v1/media/prepare-upload', { json, headers: ann })
      expect([json, status]).toEqual([json, expected])
    }
  })

  test('used by many at once becomes one object', async () => {
    const slot = await prepare({ mime_type: 'image/png' })
    await put(slot, png(108))
    const answers = await Promise.all([1, 2, 3].map(() => complete(slot.id)))
    expect(answers.map(({ status, body }) => [status, body.id])).toEqual(Array(3).fill([200, slot.id]))
    expect((await content(slot.id)).bytes.equals(png(108))).toBe(true)
  })
})
