import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestDatabase, type TestDatabase } from '@jan/testkit/postgres'
import { type ServiceProcess, startServiceProcess } from '@jan/testkit/service-process'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { recording, sendRecording } from './long-recording.ts'
import { FIELD_KEYS, INTERNAL_KEYS, SERVICE_KEY, URL_SECRET } from './media-service.ts'
import { peakDuring } from './service-memory.ts'

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
    const { status, id } = await sendRecording(service.url, bytes)
    expect([status, await hashOf(id)]).toEqual([200, expected(bytes)])
  }
  // What every upload needs, however small.
  const before = await peakDuring(service.pid, () => through(8 * MIB))
  expect((await peakDuring(service.pid, () => through(SIZE))) - before).toBeLessThanOrEqual(64)
}, 120_000)
