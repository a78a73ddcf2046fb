import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type KeyService, startKeyService } from './key-service.ts'

let service: KeyService
let ann: Record<string, string>
beforeAll(async () => {
  service = await startKeyService()
  ann = await service.as('ann')
})
afterAll(() => service.close())

const send = (path: string, json: unknown, key: string) =>
  service.call(path, { json, headers: { ...ann, 'idempotency-key': key } })
/** As if the process had died before the answer was kept, and the lease had run out. */
const loseAnswer = (key: string) =>
  service.database.query(
    "UPDATE service_kit.idempotency_key SET answer = NULL, lease_until = now() - interval '1 s' WHERE key = $1",
    [key],
  )
const count = async (table: string) => (await service.database.query(`SELECT FROM ${table}`)).length

test.each(['project', 'assistant'])(
  'the same request for a %s again makes nothing, also after a crash [T-16]',
  async (kind) => {
    const path = `/v1/${kind}s`
    const first = await send(path, { name: 'Once' }, `k-${kind}`)
    const again = await send(path, { name: 'Once' }, `k-${kind}`)
    expect([again.status, again.body]).toEqual([first.status, first.body])
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    await loseAnswer(`k-${kind}`)
    const afterCrash = await send(path, { name: 'Once' }, `k-${kind}`)
    expect([afterCrash.status, afterCrash.body]).toEqual([first.status, first.body])
    expect((await send(path, { name: 'Twice' }, `k-${kind}`)).status).toBe(422)
    expect(await count(kind)).toBe(1)
  },
)

test('a refused name leaves its key to a corrected request [T-16 L-058]', async () => {
  await service.call('/v1/projects', { json: { name: 'Taken' }, headers: ann })
  expect((await send('/v1/projects', { name: 'Taken' }, 'k-corrected')).status).toBe(409)
  expect((await send('/v1/projects', { name: 'Free' }, 'k-corrected')).status).toBe(201)
})
