import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, open, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openConnections, postForText } from '../harness/exchange.ts'
import { startBenchPlatform } from '../harness/platform.ts'
import type { Client, Contestant, Sample, Scenario } from '../harness/scenario.ts'
import { MEMORY } from '../harness/table.ts'

/** A folder to write to, or a service to send to. */
type Target = { folder: string } | { url: string; token: string }

const SIZE = 1024 * 1024
const BOUNDARY = 'jan-bench-boundary'

const getMs = ({ ms, firstMs }: Sample) => ms.p50 - firstMs!.p50

export const mediaTransfer: Scenario<Target> = {
  name: 'media-transfer',
  title: 'An object there and back',
  about:
    'A sound of 1 MiB is stored, and read back: as a form at `POST /v1/media` and by `GET /v1/media/{id}`, on disk. The floor is the disk alone: written, synced, renamed, its folder synced, and read.',
  concurrency: 4,
  warmUp: 100,
  columns: [
    { title: 'objects/s', of: ({ units, seconds }) => units / seconds },
    { title: 'put p50 ms', of: ({ firstMs }) => firstMs!.p50 },
    { title: 'put × disk', of: ({ firstMs }, floor) => firstMs!.p50 / floor.firstMs!.p50, digits: 2 },
    { title: 'get p50 ms', of: getMs },
    { title: 'get × disk', of: (sample, floor) => getMs(sample) / getMs(floor), digits: 2 },
    {
      title: 'CPU ms per object',
      of: ({ cpu, units }) => (cpu.self === undefined ? undefined : cpu.self / units / 1000),
      digits: 2,
    },
    MEMORY,
  ],
  async setUp(bench) {
    const folder = await mkdtemp(join(tmpdir(), 'jan-bench-disk-'))
    bench.cleanup.defer(() => rm(folder, { recursive: true, force: true }))
    const { url, pid } = await startBenchPlatform(bench, { MEDIA_QUOTA_BYTES: '0', MEDIA_QUOTA_OBJECTS: '0' })
    const connections = openConnections(url('llm-api'))
    const guest = JSON.parse(await postForText(connections, { path: '/auth/guest-login', headers: {}, body: '' }))
    await connections.destroy()
    const contestants: Contestant<Target>[] = [
      { name: 'the disk alone', target: { folder }, trees: {} },
      {
        name: 'media-api',
        target: { url: url('media-api'), token: guest.access_token },
        trees: { self: pid('media-api') },
      },
    ]
    return contestants
  },
  connect: (target) => ('folder' in target ? onDisk(target.folder) : atService(target.url, target.token)),
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
