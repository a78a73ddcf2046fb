import { Secret } from '@jan/service-kit/config'
import { fromPart } from '@jan/testkit/real-part'
import { expect, test } from '@jest/globals'
import { createS3Storage, type S3StorageOptions } from '../src/storage/s3-storage.client.ts'
import { collect, describeStorage, png } from './storage-contract.ts'

const options: S3StorageOptions = {
  endpoint: fromPart('JAN_TEST_S3_URL'),
  region: 'us-east-1',
  bucket: fromPart('JAN_TEST_S3_BUCKET'),
  accessKey: new Secret(fromPart('JAN_TEST_S3_ACCESS_KEY')),
  secretKey: new Secret(fromPart('JAN_TEST_S3_SECRET_KEY')),
  usePathStyle: true,
}

const open = async () => {
  const storage = createS3Storage(options)
  return { storage, close: () => storage.close() }
}

describeStorage('S3', open)

// Only a real server can say whether a signature is right.
test('a signed URL reads the object, whole or in part, with its type and name [H-85]', async () => {
  const { storage, close } = await open()
  await storage.put('images/signed.png', Buffer.from('signed'), png)
  const url = await storage.presign('images/signed.png', { ...png, expiresInSeconds: 60, filename: 'ü.png' })
  const answer = await fetch(url)
  expect(await answer.text()).toBe('signed')
  expect(answer.headers.get('content-type')).toBe('image/png')
  expect(answer.headers.get('content-disposition')).toContain(`filename*=UTF-8''%C3%BC.png`)
  const part = await fetch(url, { headers: { range: 'bytes=1-3' } })
  expect([part.status, await part.text()]).toEqual([206, 'ign'])
  close()
})

test('a signed URL that was changed, that is over, or whose object is missing reads nothing [H-85]', async () => {
  const { storage, close } = await open()
  const sign = (key: string, expiresInSeconds: number) =>
    storage.presign(key, { ...png, expiresInSeconds, filename: 'x.png' })
  const status = async (url: string) => (await fetch(url)).status
  await storage.put('images/first.png', Buffer.from('first'), png)
  await storage.put('images/second.png', Buffer.from('second'), png)
  const first = await sign('images/first.png', 60)
  expect(await status(first.replace('first.png', 'second.png'))).toBe(403)
  expect(await status(first.replace(/X-Amz-Expires=60/, 'X-Amz-Expires=600'))).toBe(403)
  expect(await status(first.slice(0, first.indexOf('?')))).toBe(403)
  expect(await status(await sign('images/none.png', 60))).toBe(404)
  const short = await sign('images/first.png', 2)
  expect(await status(short)).toBe(200)
  while ((await status(short)) !== 403) await new Promise((done) => setTimeout(done, 100))
  close()
})

test('a wrong secret is an outage of the storage, and nothing is written', async () => {
  const { storage, close } = await open()
  const stranger = createS3Storage({ ...options, secretKey: new Secret('another') })
  await expect(stranger.check()).rejects.toThrow()
  await expect(stranger.put('images/foreign.png', Buffer.from('x'), png)).rejects.toMatchObject({ code: 'unavailable' })
  await expect(stranger.get('images/foreign.png')).rejects.toMatchObject({ code: 'unavailable' })
  expect(await storage.head('images/foreign.png')).toBeUndefined()
  stranger.close()
  close()
})

test('what was put in one client is read by another, byte for byte', async () => {
  const [one, other] = [await open(), await open()]
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  await one.storage.put('images/bytes.png', bytes, png)
  expect(await collect(await other.storage.get('images/bytes.png'))).toBe(bytes.toString())
  one.close()
  other.close()
})
