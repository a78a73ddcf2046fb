import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { Secret } from '@jan/service-kit/config'
import { AppError } from '@jan/service-kit/errors'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createDiskStorage } from '../src/storage/disk-storage.client.ts'
import { type Content, isObjectKey, type ObjectStorage } from '../src/storage/object-storage.ts'
import { createS3Storage } from '../src/storage/s3-storage.client.ts'
import { createUrlSigner } from '../src/storage/url-signer.ts'

type Opened = { storage: ObjectStorage; close(): Promise<void> | void }

const png = { type: 'image/png' }

async function collect(body: AsyncIterable<Uint8Array> | undefined): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body ?? []) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

/** What every object storage must do. */
function describeStorage(name: string, openStorage: () => Promise<Opened>): void {
  describe(name, () => {
    let opened: Opened
    let storage: ObjectStorage
    const run = `images/run-${process.pid}-${Date.now()}`

    beforeAll(async () => {
      opened = await openStorage()
      storage = opened.storage
    })
    afterAll(() => opened.close())

    test('can be used', async () => {
      await expect(storage.check()).resolves.toBeUndefined()
    })

    test('gives back what was put, whole or in part', async () => {
      await storage.put(`${run}/a.png`, Buffer.from('0123456789'), png)
      expect(await storage.head(`${run}/a.png`)).toEqual({ bytes: 10 })
      expect(await collect(await storage.get(`${run}/a.png`))).toBe('0123456789')
      expect(await collect(await storage.get(`${run}/a.png`, { start: 2, end: 4 }))).toBe('234')
    })

    test('takes a stream of a known length', async () => {
      const stream = Readable.from([Buffer.from('01234'), Buffer.from('56789')], { objectMode: false })
      await storage.put(`${run}/b.png`, { stream, length: 10 }, png)
      expect(await collect(await storage.get(`${run}/b.png`))).toBe('0123456789')
    })

    test('puts nothing when a stream breaks, or is longer or shorter than announced', async () => {
      async function* broken() {
        yield Buffer.from('01234')
        throw new AppError('client_closed_request', 'The client went away')
      }
      const stream = () => Readable.from([Buffer.from('0123456789')], { objectMode: false })
      const put = (content: Content) => storage.put(`${run}/c.png`, content, png)
      await expect(put({ stream: broken(), length: 10 })).rejects.toThrow('The client went away')
      await expect(put({ stream: stream(), length: 9 })).rejects.toThrow('More than the announced 9 bytes came')
      await expect(put({ stream: stream(), length: 11 })).rejects.toThrow('10 bytes came where 11 were announced')
      expect(await storage.head(`${run}/c.png`)).toBeUndefined()
    })

    test('replaces an object as a whole', async () => {
      await storage.put(`${run}/d.png`, Buffer.from('a longer first version'), png)
      await storage.put(`${run}/d.png`, Buffer.from('second'), png)
      expect(await collect(await storage.get(`${run}/d.png`))).toBe('second')
    })

    test('says when there is no such object', async () => {
      expect(await storage.head(`${run}/none.png`)).toBeUndefined()
      expect(await storage.get(`${run}/none.png`)).toBeUndefined()
      await expect(storage.delete(`${run}/none.png`)).resolves.toBeUndefined()
    })

    test('forgets what was deleted', async () => {
      await storage.put(`${run}/e.png`, Buffer.from('x'), png)
      await storage.delete(`${run}/e.png`)
      expect(await storage.head(`${run}/e.png`)).toBeUndefined()
    })
  })
}

const openDisk = async () => {
  const path = await mkdtemp(join(tmpdir(), 'jan-storage-'))
  const now = () => new Date()
  const urls = createUrlSigner({ secret: new Secret('x'.repeat(32)), publicUrl: 'http://localhost:8285', now })
  return { path, storage: createDiskStorage({ path, urls, now }), close: () => rm(path, { recursive: true }) }
}

describeStorage('disk', openDisk)

const s3Endpoint = process.env.S3_TEST_ENDPOINT
const openS3 = async () => {
  const storage = createS3Storage({
    endpoint: s3Endpoint,
    region: process.env.S3_TEST_REGION ?? 'us-east-1',
    bucket: process.env.S3_TEST_BUCKET ?? 'jan-media',
    accessKey: new Secret(process.env.S3_TEST_ACCESS_KEY ?? ''),
    secretKey: new Secret(process.env.S3_TEST_SECRET_KEY ?? ''),
    usePathStyle: true,
  })
  return { storage, close: () => storage.close() }
}

if (s3Endpoint) {
  describeStorage('S3', openS3)

  // Only a real server can say whether a signature is right.
  test('an S3 URL reads the object with its type and name, and nothing once it was changed', async () => {
    const { storage, close } = await openS3()
    await storage.put('images/signed.png', Buffer.from('signed'), png)
    const url = await storage.presign('images/signed.png', { ...png, expiresInSeconds: 60, filename: 'ü.png' })
    const answer = await fetch(url)
    expect(await answer.text()).toBe('signed')
    expect(answer.headers.get('content-type')).toBe('image/png')
    expect(answer.headers.get('content-disposition')).toContain(`filename*=UTF-8''%C3%BC.png`)
    expect((await fetch(url.replace('signed.png', 'other.png'))).status).toBe(403)
    close()
  })
}

describe('files on disk', () => {
  test('are whole or absent: what was interrupted is swept away later', async () => {
    const { path, storage, close } = await openDisk()
    await storage.put('images/first.png', Buffer.from('x'), png)
    const incoming = join(path, '.incoming')
    expect(await readdir(incoming)).toEqual([])
    for (const name of ['old', 'fresh']) await writeFile(join(incoming, name), 'half')
    await utimes(join(incoming, 'old'), new Date(0), new Date(0))
    const now = () => new Date()
    const urls = createUrlSigner({ secret: new Secret('x'), publicUrl: 'http://localhost', now })
    await createDiskStorage({ path, urls, now }).put('images/second.png', Buffer.from('x'), png)
    expect(await readdir(incoming)).toEqual(['fresh'])
    await close()
  })

  test('lie inside their folder, whatever the key', async () => {
    const { storage, close } = await openDisk()
    const keys = ['../x', 'a/../../x', '/etc/passwd', 'a//b', '.incoming/x', 'a\\b', 'a\0b', '', 'a/']
    expect(keys.filter(isObjectKey)).toEqual([])
    for (const key of keys) await expect(storage.get(key)).rejects.toThrow('Internal server error')
    await close()
  })

  test('that cannot be written are an outage, not the caller’s mistake', async () => {
    const { path, storage, close } = await openDisk()
    await writeFile(join(path, '.incoming'), 'a file where the folder should be')
    await expect(storage.put('images/x.png', Buffer.from('x'), png)).rejects.toMatchObject({ code: 'unavailable' })
    await close()
  })
})

describe('S3 URLs', () => {
  const options = {
    endpoint: 'http://minio.internal:9000',
    region: 'us-west-2',
    bucket: 'platform',
    accessKey: new Secret('AKIATEST'),
    secretKey: new Secret('secret'),
    usePathStyle: true,
  }
  const presign = (more = {}) =>
    createS3Storage({ ...options, ...more }).presign('images/jan_x.png', {
      expiresInSeconds: 120,
      type: 'image/png',
      filename: 'ü.png',
    })

  test('name type and file, and no checksum of a body that is not there', async () => {
    const url = new URL(await presign())
    expect(url.origin + url.pathname).toBe('http://minio.internal:9000/platform/images/jan_x.png')
    expect(url.searchParams.get('X-Amz-Expires')).toBe('120')
    expect(url.searchParams.get('response-content-type')).toBe('image/png')
    expect(url.searchParams.get('response-content-disposition')).toBe(
      `inline; filename="_.png"; filename*=UTF-8''%C3%BC.png`,
    )
    expect([...url.searchParams.keys()].filter((name) => /checksum/i.test(name))).toEqual([])
  })

  test('are signed for the public endpoint, its path standing once', async () => {
    const url = new URL(await presign({ publicEndpoint: 'https://cdn.example/files' }))
    expect(url.origin + url.pathname).toBe('https://cdn.example/files/platform/images/jan_x.png')
    expect(url.searchParams.get('X-Amz-SignedHeaders')).toBe('host')
  })

  test('may carry the bucket in the host, and are AWS’s own without an endpoint', async () => {
    const url = new URL(await presign({ endpoint: undefined, usePathStyle: false }))
    expect(url.origin + url.pathname).toBe('https://platform.s3.us-west-2.amazonaws.com/images/jan_x.png')
  })

  test('are still given when the storage is away, which is an outage for all else', async () => {
    const away = createS3Storage({ ...options, endpoint: 'http://127.0.0.1:1' })
    await expect(away.head('images/x.png')).rejects.toMatchObject({ code: 'unavailable' })
    await expect(away.check()).rejects.toThrow()
    expect(await away.presign('images/x.png', { ...png, expiresInSeconds: 1, filename: 'x.png' })).toContain(
      '127.0.0.1',
    )
    away.close()
  })
})
