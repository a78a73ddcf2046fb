import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { Secret } from '@jan/service-kit/config'
import { fromPart } from '@jan/testkit/real-part'
import { expect, test } from '@jest/globals'
import { createS3Connection } from '../src/storage/s3-connection.client.ts'
import { createS3Storage, type S3StorageOptions } from '../src/storage/s3-storage.client.ts'
import { collect, mebibytes, png } from './storage-bytes.ts'
import { describeStorage } from './storage-contract.ts'

/** Any endpoint by `S3_TEST_*`, else the server that the runner has started. */
const isGiven = Boolean(process.env.S3_TEST_ENDPOINT)
const say = (given: string, part: string) => fromPart(isGiven ? given : part)

const options: S3StorageOptions = {
  endpoint: say('S3_TEST_ENDPOINT', 'JAN_TEST_S3_URL'),
  region: process.env.S3_TEST_REGION ?? 'us-east-1',
  bucket: say('S3_TEST_BUCKET', 'JAN_TEST_S3_BUCKET'),
  accessKey: new Secret(say('S3_TEST_ACCESS_KEY', 'JAN_TEST_S3_ACCESS_KEY')),
  secretKey: new Secret(say('S3_TEST_SECRET_KEY', 'JAN_TEST_S3_SECRET_KEY')),
  usePathStyle: process.env.S3_TEST_USE_PATH_STYLE !== 'false',
  partsAtOnce: 2,
  // So that a list has several pages.
  pageSize: 5,
}

const open = async () => {
  const storage = createS3Storage(options)
  const client = createS3Connection(options, options.endpoint)
  return {
    storage,
    leftovers: async (Prefix: string) => {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: options.bucket, Prefix }))
      return Uploads.map(({ Key }) => Key ?? '')
    },
    close: () => {
      storage.close()
      client.destroy()
    },
  }
}

async function firstOf<T>(items: AsyncIterable<T>): Promise<T | undefined> {
  for await (const item of items) return item
  return undefined
}

describeStorage('S3', open)

test('parts can be seen while an upload is under way, and are gone when it breaks', async () => {
  const { storage, leftovers, close } = await open()
  let seen: string[] = []
  async function* broken() {
    yield* mebibytes(33)
    seen = await leftovers('media/broken')
    throw new Error('The client went away')
  }
  await expect(storage.put('media/broken.png', { stream: broken() }, png)).rejects.toThrow()
  expect([seen, await leftovers('media/broken')]).toEqual([['media/broken.png'], []])
  close()
})

test('a wrong secret is an outage of the storage, and nothing is written', async () => {
  const { storage, close } = await open()
  const stranger = createS3Storage({ ...options, secretKey: new Secret('another') })
  const outage = { code: 'unavailable' }
  const put = (stream: AsyncIterable<Uint8Array>, length?: number) =>
    stranger.put('media/foreign.png', { stream, length }, png)
  await expect(stranger.check()).rejects.toThrow()
  await expect(stranger.put('media/foreign.png', Buffer.from('x'), png)).rejects.toMatchObject(outage)
  await expect(put(mebibytes(4), 4 * 1024 * 1024)).rejects.toMatchObject(outage)
  await expect(put(mebibytes(20))).rejects.toMatchObject(outage)
  await expect(stranger.get('media/foreign.png')).rejects.toMatchObject(outage)
  await expect(stranger.move('media/foreign.png', 'media/other.png', png)).rejects.toMatchObject(outage)
  await expect(firstOf(stranger.list('media'))).rejects.toMatchObject(outage)
  expect(await storage.head('media/foreign.png')).toBeUndefined()
  stranger.close()
  close()
})

test('what was put in one client is read by another, byte for byte', async () => {
  const [one, other] = [await open(), await open()]
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  await one.storage.put('media/bytes.png', bytes, png)
  expect(await collect(await other.storage.get('media/bytes.png'))).toBe(bytes.toString())
  await one.storage.delete('media/bytes.png')
  one.close()
  other.close()
})

test('many slow readers keep nobody from the storage', async () => {
  const { storage, close } = await open()
  await storage.put('media/slow.png', { stream: mebibytes(4), length: 4 * 1024 * 1024 }, png)
  const readers = await Promise.all(
    Array.from({ length: 80 }, async () => (await storage.get('media/slow.png'))![Symbol.asyncIterator]()),
  )
  for (const reader of readers) await reader.next()
  expect(await storage.head('media/slow.png')).toMatchObject({ bytes: 4 * 1024 * 1024 })
  for (const reader of readers) await reader.return?.()
  await storage.delete('media/slow.png')
  close()
})
