import { connect } from 'node:net'
import { Secret } from '@jan/service-kit/config'
import { toAppError } from '@jan/service-kit/errors'
import { streamOfRequest } from '@jan/service-kit/streamed-body'
import { createTestDatabase, type TestDatabase } from '@jan/testkit/postgres'
import { type Served, serve } from '@jan/testkit/serve'
import { type ServiceProcess, startServiceProcess } from '@jan/testkit/service-process'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createS3Storage } from '../src/storage/s3-storage.client.ts'
import { sendRecording } from './long-recording.ts'
import { FIELD_KEYS, INTERNAL_KEYS } from './media-service.ts'
import { peakDuring } from './service-memory.ts'
import { MIB, mebibytes, png } from './storage-bytes.ts'

const UPLOADS = 60
const PARTS = 6
const PART_MIB = 8

/** Stands in for S3 where only the traffic matters: takes everything and keeps nothing. */
let s3: Served
let db: TestDatabase
let service: ServiceProcess
/** Bytes of whole objects and of parts. */
let taken = 0

beforeAll(async () => {
  const xml = '<?xml version="1.0"?><Result><UploadId>u</UploadId><ETag>"e"</ETag></Result>'
  s3 = await serve((request, response) => {
    if (request.method === 'PUT') taken += Number(request.headers['content-length'])
    request.resume().once('end', () => response.setHeader('etag', '"e"').end(request.method === 'HEAD' ? '' : xml))
  })
  db = await createTestDatabase({ service: 'media-api' })
  service = await startServiceProcess('media-api', () => ({
    MEDIA_DATABASE_URL: db.url,
    MEDIA_STORAGE: 's3',
    MEDIA_S3_ENDPOINT: s3.url,
    MEDIA_S3_BUCKET: 'b',
    MEDIA_S3_ACCESS_KEY: 'a',
    MEDIA_S3_SECRET_KEY: 's',
    MEDIA_S3_PARTS_AT_ONCE: String(PARTS),
    INTERNAL_TOKEN_KEYS: INTERNAL_KEYS,
    FIELD_ENCRYPTION_KEYS: FIELD_KEYS,
  }))
}, 60_000)
afterAll(async () => {
  await service?.[Symbol.asyncDispose]()
  await db?.drop()
  await s3?.close()
})

const sendAll = async (count: number, bytes: number, seed = 0) => {
  const sent = Array.from({ length: count }, (_, index) => sendRecording(service.url, bytes, seed + index))
  expect((await Promise.all(sent)).map(({ status }) => status)).toEqual(Array(count).fill(200))
}

test('many large uploads at once hold a bounded number of parts, and all of them succeed', async () => {
  const before = await peakDuring(service.pid, () => sendAll(PARTS, 20 * MIB, 100))
  taken = 0
  const peak = await peakDuring(service.pid, () => sendAll(UPLOADS, 20 * MIB))
  expect(taken).toBe(UPLOADS * 20 * MIB)
  // Each has a small beginning of its own, and what is on its way through its sockets; a part it would be 430 MiB.
  expect(peak - before).toBeLessThan(((UPLOADS - PARTS) * PART_MIB) / 2)
}, 120_000)

test('who stalls in the middle of a part gives its place up, and small uploads need none', async () => {
  const storage = createS3Storage({
    endpoint: s3.url,
    region: 'us-west-2',
    bucket: 'b',
    accessKey: new Secret('a'),
    secretKey: new Secret('s'),
    usePathStyle: true,
    partsAtOnce: 1,
  })
  let begun = 0
  await using site = await serve(async (request, response) => {
    const stream = countingIn(streamOfRequest(request, 1_000).stream)
    await storage.put('media/x', { stream }, png).then(
      () => response.writeHead(200),
      (error) => response.writeHead(toAppError(error).status),
    )
    response.end()
  })
  async function* countingIn(stream: AsyncIterable<Uint8Array>) {
    for await (const chunk of stream) {
      begun += chunk.byteLength
      yield chunk
    }
  }
  const stalled = connect(site.port, '127.0.0.1')
  stalled.write(`PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: ${MIB}\r\n\r\n${'x'.repeat(MIB / 2)}`)
  await until(() => begun >= MIB / 2)
  const send = async (bytes: number) => (await fetch(site.url, { method: 'PUT', body: Buffer.alloc(bytes) })).status
  const order: string[] = []
  const note = (name: string) => (status: number) => order.push(`${name} ${status}`)
  const told = new Promise<number>((resolve) =>
    stalled.once('data', (answer) => resolve(Number(String(answer).split(' ')[1]))),
  )
  await Promise.all([told.then(note('stalled')), send(20 * MIB).then(note('large')), send(100_000).then(note('small'))])
  expect(order).toEqual(['small 200', 'stalled 408', 'large 200'])
  stalled.destroy()
  await storage.put('media/y', { stream: mebibytes(20) }, png)
  storage.close()
})
