import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { png } from './images.ts'
import { type MediaService, startMediaService } from './media-service.ts'

const picture = png(1)
let service: MediaService
let ann: Record<string, string>
let id: string

beforeAll(async () => {
  service = await startMediaService({ env: { MEDIA_PUBLIC_URL: 'https://files.example/jan/' } })
  ann = await service.as('ann')
  id = (await service.store(picture, ann, { filename: 'Kätzchen "1".png' })).id
})
afterAll(() => service.close())

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(new URL(path, service.url), { headers: { ...ann, ...headers } })
/** Other letters for the same bytes: the last bits of the last one say nothing. */
const nextLetter = (text: string) => text.slice(0, -1) + String.fromCharCode(text.charCodeAt(text.length - 1) + 1)
const bytesOf = async (answer: Response) => Buffer.from(await answer.arrayBuffer())

describe('the content of an id', () => {
  test('comes with type, length, tag, caching and a safe name [M-027]', async () => {
    const answer = await get(`/v1/media/${id}`)
    expect(answer.status).toBe(200)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'image/png',
      'content-length': String(picture.length),
      etag: `"${createHash('sha256').update(picture).digest('hex')}"`,
      'cache-control': 'private, max-age=3600',
      'accept-ranges': 'bytes',
      'x-content-type-options': 'nosniff',
      'content-disposition': `inline; filename="K_tzchen _1_.png"; filename*=UTF-8''K%C3%A4tzchen%20%221%22.png`,
    })
    expect((await bytesOf(answer)).equals(picture)).toBe(true)
  })

  test('of a text says how its letters are written [M-027]', async () => {
    const { id } = await service.store(Buffer.from('Grüße'), ann)
    const answer = await get(`/v1/media/${id}`)
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    const { body } = await service.call(`/v1/media/${id}/presign`, { headers: ann })
    const { search, pathname } = new URL(String(body.url))
    const signed = await fetch(service.url + pathname.replace('/jan/', '/') + search)
    expect(signed.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect((await service.call(`/v1/media/${id}/metadata`, { headers: ann })).body.mime).toBe('text/plain')
  })

  test('is sent in one range [H-84 M-027]', async () => {
    const size = picture.length
    const ranges: [string, number, number][] = [
      ['bytes=0-3', 0, 3],
      ['bytes=5-', 5, size - 1],
      ['bytes=-4', size - 4, size - 1],
      ['bytes=2-9999999', 2, size - 1],
      ['bytes=-9999999', 0, size - 1],
    ]
    for (const [range, start, end] of ranges) {
      const answer = await get(`/v1/media/${id}`, { range })
      expect(answer.status).toBe(206)
      expect(answer.headers.get('content-range')).toBe(`bytes ${start}-${end}/${size}`)
      expect((await bytesOf(answer)).equals(picture.subarray(start, end + 1))).toBe(true)
    }
  })

  test('is sent whole when the range is several, none, or of an older version', async () => {
    const asked: Record<string, string>[] = [
      { range: 'bytes=0-1,3-4' },
      { range: 'lines=1-2' },
      { range: 'bytes=4-2' },
      { range: 'bytes=0-1', 'if-range': '"old"' },
    ]
    for (const headers of asked) {
      const answer = await get(`/v1/media/${id}`, headers)
      expect(answer.status).toBe(200)
      expect((await bytesOf(answer)).length).toBe(picture.length)
    }
  })

  test('has nothing beyond its end', async () => {
    for (const range of ['bytes=100000-', 'bytes=-0']) {
      const answer = await get(`/v1/media/${id}`, { range })
      expect(answer.status).toBe(416)
      expect(answer.headers.get('content-range')).toBe(`bytes */${picture.length}`)
      expect(await answer.json()).toMatchObject({ error: expect.any(String), code: 'range_not_satisfiable' })
    }
  })

  test('is not sent again to who has it', async () => {
    const etag = (await get(`/v1/media/${id}`)).headers.get('etag')!
    for (const header of [etag, `"other", W/${etag}`, '*']) {
      const answer = await get(`/v1/media/${id}`, { 'if-none-match': header, range: 'bytes=0-1' })
      expect([answer.status, answer.headers.get('etag'), (await bytesOf(answer)).length]).toEqual([304, etag, 0])
    }
  })

  test('is only pointed to where downloads are not proxied', async () => {
    const pointing = await startMediaService({ env: { MEDIA_PROXY_DOWNLOAD: 'false' } })
    try {
      const headers = await pointing.as('ann')
      const stored = await pointing.store(picture, headers)
      const { status, body } = await pointing.call(`/v1/media/${stored.id}`, { headers })
      expect(status).toBe(200)
      expect(body).toEqual({
        url: expect.stringContaining(`http://localhost:8285/v1/media/objects/media/${stored.id}`),
      })
    } finally {
      await pointing.close()
    }
  })
})

describe('a signed URL', () => {
  const presign = async () => {
    const { body } = await service.call(`/v1/media/${id}/presign`, { headers: ann })
    return body as { id: string; url: string; expires_in: number }
  }
  /** As a proxy in front would pass it on, and without any token. */
  const open = (url: string, headers: Record<string, string> = {}) =>
    fetch(url.replace('https://files.example/jan', service.url), { headers })

  test('begins with the public address and reads the picture without a token', async () => {
    const signed = await presign()
    expect(signed).toMatchObject({ id, expires_in: 300 })
    expect(signed.url).toMatch(/^https:\/\/files\.example\/jan\/v1\/media\/objects\/media\/jan_/)
    const answer = await open(signed.url)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('image/png')
    expect(answer.headers.get('cache-control')).toMatch(/^private, max-age=(300|299)$/)
    expect(answer.headers.get('content-disposition')).toContain(`filename*=UTF-8''K%C3%A4tzchen`)
    expect((await bytesOf(answer)).equals(picture)).toBe(true)
    expect((await open(signed.url, { range: 'bytes=0-3' })).status).toBe(206)
    expect((await open(signed.url, { 'if-none-match': answer.headers.get('etag')! })).status).toBe(304)
  })

  test('is refused when anything in it was changed [H-85]', async () => {
    const { url } = await presign()
    const changed: ((edited: URL) => void)[] = [
      (edited) => edited.searchParams.set('type', 'text/html'),
      (edited) => edited.searchParams.set('filename', 'page.html'),
      (edited) => edited.searchParams.set('expires', String(Number(edited.searchParams.get('expires')) + 60)),
      (edited) => edited.searchParams.set('signature', 'AAAA'),
      (edited) => edited.searchParams.set('signature', `${edited.searchParams.get('signature')}=`),
      (edited) => edited.searchParams.set('signature', nextLetter(edited.searchParams.get('signature')!)),
      (edited) => {
        edited.pathname = edited.pathname.replace(/jan_\w+/, 'jan_01hqr8v9k2x3f4g5h6j7k8m9n0')
      },
      (edited) => {
        edited.pathname = edited.pathname.replace(/media\/jan_.*/, 'media/..%2f..%2fetc%2fpasswd')
      },
    ]
    for (const change of changed) {
      const edited = new URL(url)
      change(edited)
      const answer = await open(edited.href)
      expect(answer.status).toBe(403)
      expect(await answer.json()).toMatchObject({ error: 'The signature of this URL is not valid' })
    }
    expect((await open(url.replace(/&signature=.*/, ''))).status).toBe(400)
  })

  test('ends when its time is over [H-85]', async () => {
    const [file] = await service.files()
    const past = await service.deps.storage.presign(`media/${file}`, {
      expiresInSeconds: 0,
      type: 'image/png',
      filename: 'late.png',
      isInline: true,
    })
    const answer = await open(past)
    expect(answer.status).toBe(403)
    expect(await answer.json()).toMatchObject({ error: 'This URL has expired' })
  })

  test('of an object that is gone is 404', async () => {
    const signed = await service.deps.storage.presign('images/gone.png', {
      expiresInSeconds: 60,
      type: 'image/png',
      filename: 'gone.png',
      isInline: true,
    })
    expect((await open(signed)).status).toBe(404)
  })
})
