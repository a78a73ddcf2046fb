import { Secret } from '@jan/service-kit/config'
import { serve } from '@jan/testkit/serve'
import { describe, expect, test } from '@jest/globals'
import { createS3Storage, type S3StorageOptions } from '../src/storage/s3-storage.client.ts'
import { openDisk } from './disk-service.ts'
import { mebibytes, png } from './storage-bytes.ts'
import { describeStorage } from './storage-contract.ts'

describeStorage('disk', openDisk)

const options: S3StorageOptions = {
  endpoint: 'http://minio.internal:9000',
  region: 'us-west-2',
  bucket: 'platform',
  accessKey: new Secret('AKIATEST'),
  secretKey: new Secret('secret'),
  usePathStyle: true,
  partsAtOnce: 2,
}
const open = (more: Partial<S3StorageOptions> = {}) => createS3Storage({ ...options, ...more })
const about = { expiresInSeconds: 120, type: 'image/png', filename: 'ü.png', isInline: true }

describe('S3 URLs [H-85]', () => {
  const presign = async (more: Partial<S3StorageOptions> = {}) =>
    new URL(await open(more).presign('images/jan_x.png', about))
  const presignPut = async (more: Partial<S3StorageOptions> = {}, bytes?: number) => {
    const { url, headers } = await open(more).presignPut('images/jan_x.png', { ...about, bytes })
    return { url: new URL(url), headers }
  }

  test('name type and file, and no checksum of a body that is not there', async () => {
    const url = await presign()
    expect(url.origin + url.pathname).toBe('http://minio.internal:9000/platform/images/jan_x.png')
    expect(url.searchParams.get('X-Amz-Expires')).toBe('120')
    expect(url.searchParams.get('response-content-type')).toBe('image/png')
    expect(url.searchParams.get('response-content-disposition')).toBe(
      `inline; filename="_.png"; filename*=UTF-8''%C3%BC.png`,
    )
    for (const { searchParams } of [url, (await presignPut()).url])
      expect([...searchParams.keys()].filter((name) => /checksum/i.test(name))).toEqual([])
  })

  test('are signed for the public endpoint, its path standing once [M-024]', async () => {
    const publicEndpoint = 'https://cdn.example/files/'
    for (const url of [await presign({ publicEndpoint }), (await presignPut({ publicEndpoint })).url])
      expect(url.origin + url.pathname).toBe('https://cdn.example/files/platform/images/jan_x.png')
    expect((await presign({ publicEndpoint })).searchParams.get('X-Amz-SignedHeaders')).toBe('host')
  })

  test('may carry the bucket in the host, and are AWS’s own without an endpoint', async () => {
    const hosts: [Partial<S3StorageOptions>, string][] = [
      [{ endpoint: undefined }, 'https://platform.s3.us-west-2.amazonaws.com/images/jan_x.png'],
      [{}, 'http://platform.minio.internal:9000/images/jan_x.png'],
      [{ publicEndpoint: 'https://cdn.example/files' }, 'https://platform.cdn.example/files/images/jan_x.png'],
    ]
    for (const [more, expected] of hosts) {
      const url = await presign({ ...more, usePathStyle: false })
      expect(url.origin + url.pathname).toBe(expected)
    }
  })

  test('to write are bound to the type, to the length if there is one, and to how it is encrypted', async () => {
    const open = await presignPut()
    expect(open.url.searchParams.get('X-Amz-SignedHeaders')).toBe('content-type;host')
    expect(open.headers).toEqual({ 'content-type': 'image/png' })
    const bound = await presignPut({ sse: 'aws:kms', kmsKeyId: 'key-1' }, 10)
    expect(bound.url.searchParams.get('X-Amz-SignedHeaders')).toBe(
      'content-length;content-type;host;x-amz-server-side-encryption;x-amz-server-side-encryption-aws-kms-key-id',
    )
    expect(bound.headers).toEqual({
      'content-type': 'image/png',
      'x-amz-server-side-encryption': 'aws:kms',
      'x-amz-server-side-encryption-aws-kms-key-id': 'key-1',
    })
  })
})

describe('S3', () => {
  test('that is away is an outage, but for URLs, which need nobody', async () => {
    const away = open({ endpoint: 'http://127.0.0.1:1' })
    const outage = { code: 'unavailable' }
    await expect(away.head('images/x.png')).rejects.toMatchObject(outage)
    await expect(away.put('images/x.png', { stream: mebibytes(20) }, png)).rejects.toMatchObject(outage)
    await expect(away.check()).rejects.toThrow()
    expect(await away.presign('images/x.png', about)).toContain('127.0.0.1')
    expect((await away.presignPut('images/x.png', about)).url).toContain('127.0.0.1')
    away.close()
  })

  test('is told with every write how to encrypt it, and with nothing else', async () => {
    const said: unknown[] = []
    const xml = (name: string) => `<?xml version="1.0"?><${name}><UploadId>u</UploadId><ETag>"e"</ETag></${name}>`
    await using server = await serve((request, response) => {
      const { 'x-amz-server-side-encryption': sse, 'x-amz-server-side-encryption-aws-kms-key-id': key } =
        request.headers
      said.push([request.method, new URL(request.url!, 'http://s3').searchParams.get('x-id'), sse, key])
      request.resume().once('end', () => {
        const name = request.headers['x-amz-copy-source'] ? 'CopyObjectResult' : 'UploadResult'
        response.setHeader('etag', '"e"')
        response.end(request.method === 'DELETE' ? '' : xml(name))
      })
    })
    for (const encryption of [{ sse: 'aws:kms', kmsKeyId: 'key-1' }, { sse: 'AES256' }, { sse: 'none' }] as const) {
      const storage = open({ endpoint: server.url, ...encryption })
      const expected = encryption.sse === 'none' ? undefined : encryption.sse
      const key = 'kmsKeyId' in encryption ? encryption.kmsKeyId : undefined
      said.length = 0
      await storage.put('images/x.png', Buffer.from('x'), png)
      await storage.put('images/x.png', { stream: mebibytes(10) }, png)
      await storage.move('images/x.png', 'images/y.png', png)
      expect(said).toEqual([
        ['PUT', 'PutObject', expected, key],
        ['POST', null, expected, key],
        ['PUT', 'UploadPart', undefined, undefined],
        ['PUT', 'UploadPart', undefined, undefined],
        ['POST', null, undefined, undefined],
        ['PUT', 'CopyObject', expected, key],
        ['DELETE', 'DeleteObject', undefined, undefined],
      ])
      storage.close()
    }
  })
})
