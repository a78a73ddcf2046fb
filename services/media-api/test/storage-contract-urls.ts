import { until } from '@jan/testkit/until'
import { describe, expect, test } from '@jest/globals'
import type { PresignedPut } from '../src/storage/object-storage.ts'
import type { Place } from './storage-contract.ts'

type Body = NonNullable<RequestInit['body']>

/** Every way to change one parameter of a URL. */
const eachChanged = (url: string): string[] =>
  [...new URL(url).searchParams.keys()].flatMap((name) => {
    const [without, other] = [new URL(url), new URL(url)]
    without.searchParams.delete(name)
    other.searchParams.set(name, /^\d+$/.test(other.searchParams.get(name)!) ? '600' : 'attachment')
    return without.href === url || other.href === url ? [without.href] : [without.href, other.href]
  })

const read = { expiresInSeconds: 60, type: 'image/png', filename: 'ü.png', isInline: true }
const write = { expiresInSeconds: 60, type: 'image/png' }
const isRefused = (status: number) => status >= 400 && status < 500

const send = ({ url, headers }: PresignedPut, body: Body = '0123456789', more: Record<string, string> = {}) =>
  fetch(url, { method: 'PUT', headers: { ...headers, ...more }, body, ...{ duplex: 'half' } })

/** What the holder of a URL may read; only over real HTTP can it be seen whether a signature is right. */
export function describeReading(place: () => Place): void {
  describe('a URL to read', () => {
    test('gives the object, whole or in part, with its type and name and to nobody else’s cache [H-85]', async () => {
      const { storage, run } = place()
      await storage.put(`${run}/signed.png`, Buffer.from('signed'), { type: 'image/png' })
      const url = await storage.presign(`${run}/signed.png`, read)
      const answer = await fetch(url)
      expect(await answer.text()).toBe('signed')
      expect(answer.headers.get('content-type')).toBe('image/png')
      expect(answer.headers.get('content-disposition')).toBe(`inline; filename="_.png"; filename*=UTF-8''%C3%BC.png`)
      expect(answer.headers.get('cache-control')).toMatch(/^private, max-age=(60|59|58)$/)
      const part = await fetch(url, { headers: { range: 'bytes=1-3' } })
      expect([part.status, await part.text()]).toEqual([206, 'ign'])
      const beyond = await fetch(url, { headers: { range: 'bytes=6-' } })
      expect([beyond.status, await beyond.text()]).toEqual([416, expect.any(String)])
      const again = await fetch(url, { headers: { 'if-none-match': answer.headers.get('etag')! } })
      expect(again.status).toBe(304)
    })

    test('may say that it is only to be saved', async () => {
      const { storage, run } = place()
      const url = await storage.presign(`${run}/signed.png`, { ...read, isInline: false })
      const answer = await fetch(url)
      expect(await answer.text()).toBe('signed')
      expect(answer.headers.get('content-disposition')).toMatch(/^attachment; filename="_\.png"/)
    })

    test('gives nothing when it was changed, is over, is used to write, or its object is missing [H-85]', async () => {
      const { storage, run } = place()
      const status = async (url: string, method = 'GET') => (await fetch(url, { method })).status
      await storage.put(`${run}/second.png`, Buffer.from('second'), { type: 'image/png' })
      const url = await storage.presign(`${run}/signed.png`, read)
      for (const changed of [url.replace('signed.png', 'second.png'), url.split('?')[0]!, ...eachChanged(url)])
        expect([changed, isRefused(await status(changed))]).toEqual([changed, true])
      for (const method of ['PUT', 'DELETE', 'POST']) expect(isRefused(await status(url, method))).toBe(true)
      expect(await status(await storage.presign(`${run}/none.png`, read))).toBe(404)
      const short = await storage.presign(`${run}/signed.png`, { ...read, expiresInSeconds: 2 })
      expect(await status(short)).toBe(200)
      await until(async () => (await status(short)) === 403)
    })
  })
}

/** What the holder of a URL may write. */
export function describeWriting(place: () => Place): void {
  describe('a URL to write', () => {
    test('takes the object, and takes it again in its place', async () => {
      const { storage, run } = place()
      const head = () => storage.head(`${run}/sent.png`)
      const upload = await storage.presignPut(`${run}/sent.png`, { ...write, bytes: 10 })
      expect(upload.headers).toMatchObject({ 'content-type': 'image/png' })
      const first = await send(upload)
      expect([first.status, await first.text()]).toEqual([200, ''])
      expect(first.headers.get('etag')).toBe(`"${(await head())!.etag}"`)
      const second = await send(upload, '9876543210')
      expect(second.status).toBe(200)
      expect(second.headers.get('etag')).not.toBe(first.headers.get('etag'))
      const answer = await fetch(await storage.presign(`${run}/sent.png`, read))
      expect(await answer.text()).toBe('9876543210')
      expect(answer.headers.get('etag')).toBe(second.headers.get('etag'))
    })

    test('takes as many bytes as come when it names no number', async () => {
      const { storage, run } = place()
      const upload = await storage.presignPut(`${run}/open.png`, write)
      for (const text of ['short', 'a longer text than before']) {
        expect((await send(upload, text)).status).toBe(200)
        expect(await storage.head(`${run}/open.png`)).toMatchObject({ bytes: text.length })
      }
    })

    test('takes no other type and no other length', async () => {
      const { storage, run } = place()
      const upload = await storage.presignPut(`${run}/refused.png`, { ...write, bytes: 10 })
      const unnamed = new Blob(['0123456789']).stream() as ReadableStream
      const refused = [
        await send(upload, '0123456789', { 'content-type': 'text/html' }),
        await send(upload, '0123456789', { 'content-type': 'image/png; charset=utf-8' }),
        await send({ ...upload, headers: {} }, Buffer.from('0123456789')),
        await send(upload, '012345678'),
        await send(upload, '01234567890'),
        await send(upload, unnamed),
      ]
      for (const { status } of refused) expect([status, isRefused(status)]).toEqual([status, true])
      expect(await storage.head(`${run}/refused.png`)).toBeUndefined()
    })

    test('takes nothing when it was changed, is over, or is used to read', async () => {
      const { storage, run } = place()
      const upload = await storage.presignPut(`${run}/changed.png`, { ...write, bytes: 10 })
      const { url, headers } = upload
      for (const changed of [url.replace('changed.png', 'victim.png'), url.split('?')[0]!, ...eachChanged(url)]) {
        const { status } = await send({ url: changed, headers })
        expect([changed, isRefused(status)]).toEqual([changed, true])
      }
      for (const key of ['changed.png', 'victim.png']) expect(await storage.head(`${run}/${key}`)).toBeUndefined()
      expect((await send(upload)).status).toBe(200)
      expect(isRefused((await fetch(url)).status)).toBe(true)
      const short = await storage.presignPut(`${run}/late.png`, { ...write, expiresInSeconds: 1 })
      await until(async () => (await send(short)).status === 403)
    })
  })
}
