import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Booted, boot } from './boot.ts'

let service: Booted
let ann: Record<string, string>

beforeAll(async () => {
  service = await boot()
  ann = await service.as('ann')
})
afterAll(() => service.close())

const NOTES = '/v1/template/notes'

test('a note is kept and read back as it was [T-26]', async () => {
  const text = 'Ünïcödé, "quotes"\n\tand 🙂'
  const made = await service.call(NOTES, ann, { text })
  expect([made.status, made.body]).toEqual([
    201,
    { id: expect.stringMatching(/^note_[0-9a-z]{24}$/), object: 'note', text, created_at: expect.any(Number) },
  ])
  expect(Math.abs((made.body.created_at as number) - Date.now() / 1000)).toBeLessThan(60)
  const read = await service.call(`${NOTES}/${made.body.id}`, ann)
  expect([read.status, read.body]).toEqual([200, made.body])
})

test('under an Idempotency-Key a retry gets the first answer, and makes nothing', async () => {
  const headers = { ...ann, 'idempotency-key': 'k1' }
  const first = await service.call(NOTES, headers, { text: 'once' })
  const again = await service.call(NOTES, headers, { text: 'once' })
  expect([again.status, again.body]).toEqual([201, first.body])
  expect((await service.call(NOTES, headers, { text: 'other' })).status).toBe(422)
  expect(await service.database.query("SELECT id FROM note WHERE text IN ('once', 'other')")).toEqual([
    { id: first.body.id },
  ])
})

test('a person may ask only so often [T-04]', async () => {
  const narrow = await boot({ REQUESTS_PER_MINUTE: '2' })
  try {
    const headers = await narrow.as('ann')
    const ask = () => narrow.call(`${NOTES}/note_x`, headers)
    const statuses = [await ask(), await ask(), await ask()].map(({ status }) => status)
    expect(statuses).toEqual([404, 404, 429])
  } finally {
    await narrow.close()
  }
})

test("somebody else's note does not exist, and neither does what is no id", async () => {
  const { body } = await service.call(NOTES, ann, { text: 'mine' })
  for (const [headers, id] of [
    [await service.as('bob'), String(body.id)],
    [ann, `note_${'0'.repeat(24)}`],
    [ann, 'note_'],
    [ann, '%00'],
  ] as const) {
    const reply = await service.call(`${NOTES}/${id}`, headers)
    expect([reply.status, reply.body.error]).toMatchObject([404, { code: 'not_found', type: 'not_found_error' }])
  }
})

test('without a token nothing is open', async () => {
  const replies = [await service.call(NOTES, {}, { text: 'x' }), await service.call(`${NOTES}/note_x`)]
  expect(replies.map(({ status }) => status)).toEqual([401, 401])
  expect(replies[0]!.headers.get('www-authenticate')).toMatch(/^Bearer realm="jan"/)
})

describe('refused with the name of what is wrong', () => {
  test.each<[string, unknown, string]>([
    ['no text', {}, 'text'],
    ['an empty text', { text: '' }, 'text'],
    ['a text that is none', { text: 7 }, 'text'],
    ['a text that is too long', { text: 'x'.repeat(10_001) }, 'text'],
    ['what a database cannot keep', { text: 'a\u0000b' }, 'text'],
    ['half a character', { text: '\ud800' }, 'text'],
  ])('%s', async (_name, body, param) => {
    const reply = await service.call(NOTES, ann, body)
    expect([reply.status, reply.body.error]).toMatchObject([400, { code: 'invalid_request', param }])
  })

  test('broken JSON and a body that is too large', async () => {
    expect((await service.call(NOTES, ann, '{"text":')).status).toBe(400)
    expect((await service.call(NOTES, ann, { text: 'x'.repeat(70_000) })).status).toBe(413)
  })
})

test('what happens is counted', async () => {
  const metrics = await (await fetch(`${service.url}/metrics`)).text()
  expect(metrics).toMatch(/^template_notes_created_total\{service="template-api"\} \d+$/m)
  expect(metrics).toContain('operation="create_template_note"')
})

test('without PostgreSQL calls are a clear 503, and readiness names it', async () => {
  const alone = await boot({ TEMPLATE_DATABASE_URL: 'postgres://nobody:x@127.0.0.1:1/none' })
  try {
    const headers = await alone.as('ann')
    const reply = await alone.call(NOTES, headers, { text: 'x' })
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '2'])
    const ready = await alone.call('/readyz')
    expect([ready.status, ready.body.failing]).toEqual([503, ['postgres']])
    expect((await alone.call('/healthz')).status).toBe(200)
  } finally {
    await alone.close()
  }
})
