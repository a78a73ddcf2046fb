import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type KeyService, type Reply, startKeyService } from './key-service.ts'

let service: KeyService
beforeAll(async () => {
  service = await startKeyService()
})
afterAll(() => service.close())

/** An answer without what differs from one to the next. */
const plain = ({ status, headers, body }: Reply, id: string) => ({
  status,
  names: [...headers.keys()].toSorted(),
  body: JSON.stringify({ ...body, request_id: undefined }).replaceAll(id, 'ID'),
})

test('nothing tells a key of another person from one that does not exist [I-048 I-082]', async () => {
  const { id, key } = await service.keyOf('ann')
  const headers = await service.as('eve')
  const asked = async (each: string) => {
    const path = `/auth/api-keys/${each}`
    const answers = await Promise.all([
      service.call(path, { headers }),
      service.call(path, { headers, method: 'DELETE' }),
      service.call(`${path}/rotate`, { headers, method: 'POST' }),
      service.call(`${path}/rotate`, { headers, json: { expires_in_days: 1 } }),
    ])
    return answers.map((answer) => plain(answer, each))
  }
  expect(await asked(id)).toEqual(await asked(randomUUID()))
  expect((await service.call('/auth/api-keys', { headers })).body).toEqual({ items: [] })
  expect(await service.knock(key)).toBe(200)
})

test('a key that has expired is 401, and says no more than one that nobody has [I-041 I-083]', async () => {
  const { id, key } = await service.keyOf('ben')
  await service.database.query("UPDATE api_key SET expires_at = now() - interval '1 s' WHERE id = $1", [id])
  const me = (sent: string) => service.call('/auth/me', { headers: { 'x-api-key': sent } })
  const [expired, unknown] = [await me(key), await me(`sk_live_${'0'.repeat(48)}`)]
  expect([expired.status, plain(expired, '')]).toEqual([401, plain(unknown, '')])
  const validated = await service.call('/auth/validate-api-key', { json: { api_key: key } })
  expect([validated.status, validated.body.message]).toEqual([401, 'invalid api key'])
})

test('a key is taken in either header whatever its case, and two keys in one header are none [I-042]', async () => {
  const [{ key }, other] = [await service.keyOf('cid'), await service.keyOf('cid')]
  const me = async (headers: Record<string, string>) => (await service.call('/auth/me', { headers })).status
  expect([await me({ 'X-Api-Key': key }), await me({ authorization: `bearer ${key}` })]).toEqual([200, 200])
  expect([await me({ 'x-api-key': `${key}, ${other.key}` }), await me({ 'x-api-key': `Bearer ${key}` })]).toEqual([
    401, 401,
  ])
})
