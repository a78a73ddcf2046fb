import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Secret } from '@jan/service-kit/config'
import { until } from '@jan/testkit/until'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { createDiskStorage } from '../src/storage/disk-storage.client.ts'
import { putSignedObject } from '../src/storage/put-signed-object.ts'
import { createUrlSigner } from '../src/storage/url-signer.ts'
import { type DiskService, openDisk } from './disk-service.ts'
import { png } from './storage-bytes.ts'

let disk: DiskService

beforeEach(async () => {
  disk = await openDisk({ largest: 1_000 })
})
afterEach(() => disk.close())

describe('files on disk', () => {
  test('are whole or absent: what was interrupted is swept away later', async () => {
    const { path, storage } = disk
    await storage.put('images/first.png', Buffer.from('x'), png)
    const incoming = join(path, '.incoming')
    expect(await readdir(incoming)).toEqual([])
    for (const name of ['old', 'fresh']) await writeFile(join(incoming, name), 'half')
    await utimes(join(incoming, 'old'), new Date(0), new Date(0))
    const now = () => new Date()
    const urls = createUrlSigner({ secret: new Secret('x'), publicUrl: 'http://localhost', now })
    await createDiskStorage({ path, urls, now }).put('images/second.png', Buffer.from('x'), png)
    expect(await readdir(incoming)).toEqual(['fresh'])
  })

  test('are listed by what was put, not by what else lies there', async () => {
    const { path, storage } = disk
    await storage.put('images/first.png', Buffer.from('x'), png)
    await mkdir(join(path, 'images/00/00/00'), { recursive: true })
    for (const stray of ['images/stray', 'images/00/00/stray', 'images/00/00/00/stray', 'images/00/00/.hidden'])
      await writeFile(join(path, stray), 'x')
    const keys = []
    for await (const { key } of storage.list('images')) keys.push(key)
    expect(keys).toEqual(['images/first.png'])
  })

  test('are new under the key they were moved to, so that nobody takes them for long forgotten', async () => {
    const { path, storage } = disk
    await storage.put('incoming/old.png', Buffer.from('x'), png)
    const names = await readdir(join(path, 'incoming'), { recursive: true })
    await utimes(join(path, 'incoming', names.find((name) => name.endsWith('.png'))!), new Date(0), new Date(0))
    const before = Date.now()
    await storage.move('incoming/old.png', 'images/old.png', png)
    for await (const { modifiedAt } of storage.list('images'))
      expect(Math.ceil(modifiedAt.getTime())).toBeGreaterThanOrEqual(before - 1)
  })

  test('that cannot be written are an outage, not the caller’s mistake', async () => {
    const { path, storage } = disk
    await writeFile(join(path, '.incoming'), 'a file where the folder should be')
    await expect(storage.put('images/x.png', Buffer.from('x'), png)).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('are put, moved and listed at the same time without losing one', async () => {
    const { storage } = disk
    const names = Array.from({ length: 100 }, (_, index) => `${index}.png`)
    await Promise.all(
      names.map(async (name) => {
        await storage.put(`incoming/${name}`, Buffer.from(name), png)
        await storage.move(`incoming/${name}`, `images/${name}`, png)
      }),
    )
    const found = []
    for await (const { key } of storage.list('images')) found.push(key)
    expect(found.sort()).toEqual(names.map((name) => `images/${name}`).sort())
    for await (const { key } of storage.list('incoming')) throw new Error(`${key} was left behind`)
  })
})

type Body = NonNullable<RequestInit['body']>

describe('a URL to write that leads here', () => {
  const put = async (url: string, body: Body, type = 'image/png') => {
    const answer = await fetch(url, { method: 'PUT', body, headers: { 'content-type': type }, ...{ duplex: 'half' } })
    const text = await answer.text()
    return [answer.status, text && (JSON.parse(text) as { code: string }).code]
  }
  const presign = async (bytes?: number, expiresInSeconds = 60) =>
    (await disk.storage.presignPut('images/x.png', { ...png, bytes, expiresInSeconds })).url
  const streamed = (text: string) => new Blob([text]).stream() as ReadableStream

  test('says what is wrong with what is sent to it', async () => {
    const bound = await presign(4)
    expect(await put(bound, '1234', 'text/html')).toEqual([415, 'unsupported_media_type'])
    expect(await put(bound, '123')).toEqual([400, 'invalid_request'])
    expect(await put(bound, '12345')).toEqual([413, 'payload_too_large'])
    expect(await put(bound, streamed('1234'))).toEqual([411, 'length_required'])
    expect(await put(bound.replace(/signature=.*/, 'signature=AAAA'), '1234')).toEqual([403, 'forbidden'])
    expect(await put(bound.replace(/&signature=.*/, ''), '1234')).toEqual([400, 'invalid_request'])
    expect(await put(await presign(4, 0), '1234')).toEqual([403, 'forbidden'])
    expect(await disk.storage.head('images/x.png')).toBeUndefined()
    expect(await put(bound, '1234')).toEqual([200, ''])
  })

  test('takes no more than may be, whether or not the length is known', async () => {
    const open = await presign()
    for (const body of ['x'.repeat(1_001), streamed('x'.repeat(1_001))])
      expect(await put(open, body)).toEqual([413, 'payload_too_large'])
    expect(await disk.storage.head('images/x.png')).toBeUndefined()
    for (const body of ['x'.repeat(1_000), streamed('x'.repeat(1_000))])
      expect(await put(open, body)).toEqual([200, ''])
    expect(await disk.leftovers()).toEqual([])
  })

  test('keeps nothing of an upload that breaks', async () => {
    const { host, hostname, port, pathname, search } = new URL(await presign(100))
    const socket = connect(Number(port), hostname)
    socket.write(
      `PUT ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: image/png\r\nContent-Length: 100\r\n\r\n12345`,
    )
    await until(async () => (await disk.leftovers().catch(() => [])).length > 0)
    socket.destroy()
    await until(async () => (await disk.leftovers()).length === 0)
    expect(await disk.storage.head('images/x.png')).toBeUndefined()
  })

  test('is nothing where objects are kept in S3, whose own URLs lead there', async () => {
    const { storage } = disk
    const object = { key: 'images/x.png', expires: 2 ** 32, type: 'image/png' }
    const body = { stream: (async function* () {})(), type: 'image/png', length: 0 }
    await expect(
      putSignedObject({ storage, urls: undefined, settings: { largest: 1 } }, { object, signature: '', body }),
    ).rejects.toMatchObject({ code: 'not_found' })
  })
})
