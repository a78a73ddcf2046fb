import { type Served, serve } from '@jan/testkit/serve'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { dataUrl, png } from './images.ts'
import { type MediaService, SERVICE_KEY, startMediaService } from './media-service.ts'

let site: Served
let picture = png(50)
let service: MediaService
let ann: Record<string, string>

beforeAll(async () => {
  site = await serve((_request, response) => response.end(picture))
  service = await startMediaService({ env: { OUTBOUND_ALLOW: `127.0.0.1:${site.port}` } })
  ann = await service.as('ann')
})
afterAll(async () => {
  await service.close()
  await site.close()
})

const ingest = (bytes: Buffer, key: string, headers = ann, more: object = {}) =>
  service.call('/v1/media', {
    json: { source: { type: 'data_url', data_url: dataUrl(bytes) }, ...more },
    headers: { ...headers, 'idempotency-key': key },
  })
const rowsOf = (id: unknown) => service.db.query('SELECT sha256 FROM media_object WHERE id = $1', [id])
/** As if the process had died before the answer was kept, and the lease had run out. */
const loseAnswer = (key: string) =>
  service.db.query(
    "UPDATE service_kit.idempotency_key SET answer = NULL, lease_until = now() - interval '1 s' WHERE key = $1",
    [key],
  )

test('the same upload again gets the stored answer, as if for the first time [T-13 T-05]', async () => {
  const first = await ingest(png(51), 'k-again')
  const second = await ingest(png(51), 'k-again')
  expect([first.status, second.status]).toEqual([200, 200])
  expect(second.body).toEqual(first.body)
  expect(second.body.deduped).toBe(false)
  expect(second.headers.get('idempotency-replayed')).toBe('true')
  expect((await ingest(png(51), 'k-else')).body).toMatchObject({ id: first.body.id, deduped: true })
  const other = await ingest(png(52), 'k-again')
  expect([other.status, other.body.code]).toEqual([422, 'unprocessable'])
})

test('a key is its owner’s: another person’s, and the operator’s for somebody, are others [T-13 T-08]', async () => {
  const first = await ingest(png(53), 'k-owner')
  const bob = await ingest(png(53), 'k-owner', await service.as('bob'))
  const operator = await ingest(png(53), 'k-owner', { 'x-media-service-key': SERVICE_KEY }, { user_id: 'cleo' })
  expect([bob.status, operator.status]).toEqual([200, 200])
  expect(new Set([first, bob, operator].map(({ body }) => body.id)).size).toBe(3)
})

test('a refused upload leaves its key to a corrected one [T-13 T-09]', async () => {
  expect((await ingest(Buffer.from([0, 1, 2, 3]), 'k-corrected')).status).toBe(415)
  expect((await ingest(png(54), 'k-corrected')).status).toBe(200)
})

test('after a crash the retry answers with what the first try stored [T-13 T-10]', async () => {
  const first = await ingest(png(55), 'k-crash')
  await loseAnswer('k-crash')
  const files = await service.files()
  const second = await ingest(png(55), 'k-crash')
  expect(second.headers.get('idempotency-replayed')).toBeNull()
  expect(second.body).toMatchObject({ id: first.body.id, deduped: false })
  expect(await service.files()).toEqual(files)
})

test('after a crash a URL that gives other bytes by now does not make a second object [T-13 T-10]', async () => {
  const headers = { ...ann, 'idempotency-key': 'k-changed' }
  const send = () =>
    service.call('/v1/media', { json: { source: { type: 'remote_url', url: `${site.url}/cat` } }, headers })
  const { body: first } = await send()
  const files = await service.files()
  await loseAnswer('k-changed')
  picture = png(56)
  const { status, body: second } = await send()
  expect([status, second.id, second.bytes]).toEqual([200, first.id, first.bytes])
  expect(await rowsOf(first.id)).toHaveLength(1)
  expect(await service.files()).toEqual(files)
  const content = await fetch(`${service.url}/v1/media/${first.id}`, { headers: ann })
  expect(Buffer.from(await content.arrayBuffer()).equals(png(50))).toBe(true)
})

test('without PostgreSQL an upload with a key is 503 and stores nothing [T-13]', async () => {
  const cut = await startMediaService({ env: { MEDIA_DATABASE_URL: 'postgres://nobody:x@127.0.0.1:9/none' } })
  try {
    const { status, headers } = await cut.call('/v1/media', {
      json: { source: { type: 'data_url', data_url: dataUrl(png(57)) } },
      headers: { ...(await cut.as('ann')), 'idempotency-key': 'k-cut' },
    })
    expect([status, headers.get('retry-after')]).toEqual([503, '2'])
    expect(await cut.files()).toEqual([])
  } finally {
    await cut.close()
  }
})

test('a try that was taken over and fails at last leaves the bytes of the one that succeeded [T-13 T-10]', async () => {
  let fail: (error: Error) => void = () => undefined
  const stuck = new Promise<never>((_stored, reject) => {
    fail = reject
  })
  let inserts = 0
  const halting = await startMediaService({
    replace: ({ media }) => ({
      media: { ...media, insertOrFind: (row) => (inserts++ === 0 ? stuck : media.insertOrFind(row)) },
    }),
  })
  try {
    const bob = await halting.as('bob')
    const upload = () =>
      halting.call('/v1/media', {
        json: { source: { type: 'data_url', data_url: dataUrl(png(56)) } },
        headers: { ...bob, 'idempotency-key': 'k-taken-over' },
      })
    const first = upload()
    await until(() => inserts === 1)
    await halting.db.query("UPDATE service_kit.idempotency_key SET lease_until = now() - interval '1 s'")
    const second = await upload()
    expect(second.status).toBe(200)
    fail(new Error('the connection broke'))
    expect((await first).status).toBe(500)
    expect((await fetch(`${halting.url}/v1/media/${second.body.id}`, { headers: bob })).status).toBe(200)
    expect(await halting.files()).toHaveLength(1)
  } finally {
    await halting.close()
  }
})
