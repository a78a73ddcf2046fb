import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { createTestDatabase, type TestDatabase } from '@jan/testkit/postgres'
import { type ServiceProcess, startServiceProcess } from '@jan/testkit/service-process'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { FIELD_KEYS, INTERNAL_KEYS, SERVICE_KEY, URL_SECRET } from './media-service.ts'
import { sample } from './samples.ts'

const MIB = 1024 * 1024
const SIZE = 1024 * MIB

let db: TestDatabase
let folder: string
let service: ServiceProcess

beforeAll(async () => {
  db = await createTestDatabase({ service: 'media-api' })
  folder = await mkdtemp(join(tmpdir(), 'jan-media-'))
  service = await startServiceProcess('media-api', () => ({
    MEDIA_DATABASE_URL: db.url,
    MEDIA_DISK_PATH: folder,
    MEDIA_URL_SECRET: URL_SECRET,
    MEDIA_MAX_RECORDING_BYTES: String(SIZE),
    INTERNAL_TOKEN_KEYS: INTERNAL_KEYS,
    FIELD_ENCRYPTION_KEYS: FIELD_KEYS,
  }))
}, 60_000)
afterAll(async () => {
  await service?.[Symbol.asyncDispose]()
  await db?.drop()
  await rm(folder, { recursive: true, force: true })
})

/** Runs something. @returns what the service held at most meanwhile, in MiB of resident memory, looked at ten times a second */
async function peakDuring(act: () => Promise<void>): Promise<number> {
  let peak = 0
  const look = async () => {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(service.pid)])
    peak = Math.max(peak, Number(stdout) / 1024)
  }
  const watch = setInterval(() => void look(), 100)
  try {
    await act()
    await look()
    return peak
  } finally {
    clearInterval(watch)
  }
}

/** A sound of any length: its header says that it goes on to the end. */
function* recording(bytes: number): Generator<Buffer> {
  const { bytes: wav } = sample('audio/wav')
  const head = Buffer.from(wav.subarray(0, 44))
  head.writeUInt32LE(bytes - 8, 4)
  head.writeUInt32LE(bytes - 44, 40)
  yield head
  const piece = Buffer.alloc(256 * 1024, 1)
  for (let left = bytes - 44; left > 0; left -= piece.length) yield piece.subarray(0, left)
}

async function send(bytes: number): Promise<{ status: number; id: string }> {
  const before =
    '--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'
  const after = '\r\n--x\r\nContent-Disposition: form-data; name="user_id"\r\n\r\nann\r\n--x--\r\n'
  const headers = {
    'content-type': 'multipart/form-data; boundary=x',
    'content-length': before.length + bytes + after.length,
    'x-media-service-key': SERVICE_KEY,
  }
  const upload = request(`${service.url}/v1/media`, { method: 'POST', headers })
  const answered = new Promise<IncomingMessage>((done, fail) => upload.once('response', done).once('error', fail))
  upload.write(before)
  for (const piece of recording(bytes))
    if (!upload.write(piece)) await new Promise((done) => upload.once('drain', done))
  upload.end(after)
  const answer = await answered
  return { status: answer.statusCode!, id: JSON.parse(await text(answer)).id }
}

async function hashOf(id: string): Promise<string> {
  const answer = await fetch(`${service.url}/v1/media/${id}`, { headers: { 'x-media-service-key': SERVICE_KEY } })
  const hash = createHash('sha256')
  for await (const piece of answer.body!) hash.update(piece)
  return hash.digest('hex')
}

function expected(bytes: number): string {
  const hash = createHash('sha256')
  for (const piece of recording(bytes)) hash.update(piece)
  return hash.digest('hex')
}

test('1 GiB goes through a form and back with at most 64 MiB more of memory [M-013]', async () => {
  const through = async (bytes: number) => {
    const { status, id } = await send(bytes)
    expect([status, await hashOf(id)]).toEqual([200, expected(bytes)])
  }
  // What every upload needs, however small.
  const before = await peakDuring(() => through(8 * MIB))
  expect((await peakDuring(() => through(SIZE))) - before).toBeLessThanOrEqual(64)
}, 120_000)
