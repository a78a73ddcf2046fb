import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, open, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { cacheFolder } from '../../../scripts/platform/cache.ts'
import { openPart } from '../../../scripts/platform/run-part.ts'
import { s3 } from '../../../scripts/platform/s3.ts'
import { openConnections, postForText } from '../harness/exchange.ts'
import { startBenchPlatform } from '../harness/platform.ts'
import type { Bench, Client, Contestant, Sample, Scenario } from '../harness/scenario.ts'
import { MEMORY } from '../harness/table.ts'

type Bucket = { endpoint: string; bucket: string; accessKey: string; secretKey: string }

/** A folder or a bucket to write to, or a service to send to. */
type Target = { folder: string } | Bucket | { url: string; token: string }

const SIZE = 1024 * 1024
const BOUNDARY = 'jan-bench-boundary'

const getMs = ({ ms, firstMs }: Sample) => ms.p50 - firstMs!.p50

const transfer = {
  concurrency: 4,
  warmUp: 100,
  columns: [
    { title: 'objects/s', of: ({ units, seconds }) => units / seconds },
    { title: 'put p50 ms', of: ({ firstMs }) => firstMs!.p50 },
    { title: 'put × floor', of: ({ firstMs }, floor) => firstMs!.p50 / floor.firstMs!.p50, digits: 2 },
    { title: 'get p50 ms', of: getMs },
    { title: 'get × floor', of: (sample, floor) => getMs(sample) / getMs(floor), digits: 2 },
    {
      title: 'CPU ms per object',
      of: ({ cpu, units }) => (cpu.self === undefined ? undefined : cpu.self / units / 1000),
      digits: 2,
    },
    MEMORY,
  ],
  connect: (target) => {
    if ('folder' in target) return onDisk(target.folder)
    return 'bucket' in target ? inBucket(target) : atService(target.url, target.token)
  },
} satisfies Partial<Scenario<Target>>

export const mediaOnDisk: Scenario<Target> = {
  ...transfer,
  name: 'media-transfer',
  title: 'An object there and back, on disk',
  about:
    'A sound of 1 MiB is stored, and read back: as a form at `POST /v1/media` and by `GET /v1/media/{id}`, on disk. The floor is the disk alone: written, synced, renamed, its folder synced, and read.',
  async setUp(bench) {
    const folder = await mkdtemp(join(tmpdir(), 'jan-bench-disk-'))
    bench.cleanup.defer(() => rm(folder, { recursive: true, force: true }))
    return [{ name: 'the disk alone', target: { folder }, trees: {} }, await mediaApi(bench, {})]
  },
}

export const mediaOnS3: Scenario<Target> = {
  ...transfer,
  name: 'media-transfer-s3',
  title: 'An object there and back, on S3',
  about:
    "The same, on S3. The floor is S3 alone, by its own SDK: PutObject and GetObject. The server is Versity S3 Gateway, on this machine, in the test platform's version.",
  async setUp(bench) {
    const { cleanup, signal } = bench
    const logs = await mkdtemp(join(tmpdir(), 'jan-bench-s3-'))
    cleanup.defer(() => rm(logs, { recursive: true, force: true }))
    const conditions = { cache: cacheFolder(process.env), logs, signal, leftMs: () => Infinity }
    const { env } = cleanup.use(await openPart(s3, conditions))
    const target = {
      endpoint: env.JAN_TEST_S3_URL!,
      bucket: env.JAN_TEST_S3_BUCKET!,
      accessKey: env.JAN_TEST_S3_ACCESS_KEY!,
      secretKey: env.JAN_TEST_S3_SECRET_KEY!,
    }
    const onS3 = {
      MEDIA_STORAGE: 's3',
      MEDIA_S3_ENDPOINT: target.endpoint,
      MEDIA_S3_REGION: REGION,
      MEDIA_S3_BUCKET: target.bucket,
      MEDIA_S3_ACCESS_KEY: target.accessKey,
      MEDIA_S3_SECRET_KEY: target.secretKey,
    }
    return [{ name: 'S3 alone', target, trees: {} }, await mediaApi(bench, onS3)]
  },
}

const REGION = 'us-east-1'

async function mediaApi(bench: Bench, storage: Record<string, string>): Promise<Contestant<Target>> {
  const noQuota = { MEDIA_QUOTA_BYTES: '0', MEDIA_QUOTA_OBJECTS: '0' }
  const { url, pid } = await startBenchPlatform(bench, { ...noQuota, ...storage })
  const connections = openConnections(url('llm-api'))
  const guest = JSON.parse(await postForText(connections, { path: '/auth/guest-login', headers: {}, body: '' }))
  await connections.destroy()
  return {
    name: 'media-api',
    target: { url: url('media-api'), token: guest.access_token },
    trees: { self: pid('media-api') },
  }
}

/** Like no other: equal bytes are stored once. */
function content(): Buffer {
  const wav = Buffer.alloc(SIZE, 1)
  wav.write('RIFF')
  wav.writeUInt32LE(SIZE - 8, 4)
  wav.write('WAVEfmt ', 8)
  wav.writeUInt32LE(16, 16)
  wav.writeUInt16LE(1, 20)
  wav.writeUInt16LE(1, 22)
  wav.writeUInt32LE(8000, 24)
  wav.writeUInt32LE(8000, 28)
  wav.writeUInt16LE(1, 32)
  wav.writeUInt16LE(8, 34)
  wav.write('data', 36)
  wav.writeUInt32LE(SIZE - 44, 40)
  wav.write(randomUUID(), 64)
  return wav
}

const requireSame = (sent: Buffer, read: Buffer) => {
  if (!sent.equals(read)) throw new Error('other bytes came back')
}

function onDisk(folder: string): Client {
  return {
    visit: async (count) => {
      const bytes = content()
      const began = performance.now()
      const [place, name] = [join(folder, randomUUID().slice(0, 2)), randomUUID()]
      await mkdir(place, { recursive: true })
      const file = await open(join(folder, name), 'wx')
      await file.writeFile(bytes)
      await file.sync()
      await file.close()
      await rename(join(folder, name), join(place, name))
      const handle = await open(place, 'r')
      await handle.sync()
      await handle.close()
      const firstMs = performance.now() - began
      requireSame(bytes, await readFile(join(place, name)))
      count(1)
      return { firstMs }
    },
    close: async () => undefined,
  }
}

function inBucket({ endpoint, bucket: Bucket, accessKey: accessKeyId, secretKey: secretAccessKey }: Bucket): Client {
  const client = new S3Client({
    endpoint,
    region: REGION,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  return {
    visit: async (count) => {
      const bytes = content()
      const at = { Bucket, Key: `floor/${randomUUID()}` }
      const began = performance.now()
      await client.send(new PutObjectCommand({ ...at, Body: bytes, ContentType: 'audio/wav' }))
      const firstMs = performance.now() - began
      const { Body } = await client.send(new GetObjectCommand(at))
      requireSame(bytes, Buffer.from(await Body!.transformToByteArray()))
      count(1)
      return { firstMs }
    },
    close: async () => client.destroy(),
  }
}

function atService(url: string, token: string): Client {
  const connections = openConnections(url)
  const headers = { authorization: `Bearer ${token}` }
  const before = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n`
  return {
    visit: async (count) => {
      const bytes = content()
      const began = performance.now()
      const body = Buffer.concat([Buffer.from(before), bytes, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)])
      const type = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }
      const put = { path: '/v1/media', headers: { ...headers, ...type }, body }
      const { id } = JSON.parse(await postForText(connections, put)) as { id: string }
      const firstMs = performance.now() - began
      const answer = await connections.request({ method: 'GET', path: `/v1/media/${id}`, headers })
      requireSame(bytes, Buffer.from(await answer.body.arrayBuffer()))
      count(1)
      return { firstMs }
    },
    close: () => connections.destroy(),
  }
}
