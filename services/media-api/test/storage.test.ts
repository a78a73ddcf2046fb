import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Secret } from '@jan/service-kit/config'
import { describe, expect, test } from '@jest/globals'
import { createDiskStorage } from '../src/storage/disk-storage.client.ts'
import { isObjectKey } from '../src/storage/object-storage.ts'
import { createS3Storage } from '../src/storage/s3-storage.client.ts'
import { createUrlSigner } from '../src/storage/url-signer.ts'
import { describeStorage, png } from './storage-contract.ts'

const openDisk = async () => {
  const path = await mkdtemp(join(tmpdir(), 'jan-storage-'))
  const now = () => new Date()
  const urls = createUrlSigner({ secret: new Secret('x'.repeat(32)), publicUrl: 'http://localhost:8285', now })
  return { path, storage: createDiskStorage({ path, urls, now }), close: () => rm(path, { recursive: true }) }
}

describeStorage('disk', openDisk)

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

describe('S3 URLs [H-85]', () => {
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
