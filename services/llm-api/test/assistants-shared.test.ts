import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type KeyService, startKeyService } from './key-service.ts'

let service: KeyService
let ann: Record<string, string>
let root: Record<string, string>
let other: Record<string, string>
beforeAll(async () => {
  service = await startKeyService()
  ann = await service.as('ann')
  root = await service.as('root', ['user', 'admin'])
  other = await service.as('other-admin', ['user', 'admin'])
})
afterAll(() => service.close())

type Headers = Record<string, string>
const create = (json: unknown, headers: Headers) => service.call('/v1/assistants', { json, headers })
const read = (id: string, headers: Headers) => service.call(`/v1/assistants/${id}`, { headers })
const change = (id: string, json: unknown, headers: Headers, method = 'PATCH') =>
  service.call(`/v1/assistants/${id}`, { method, json, headers })
const remove = (id: string, headers: Headers) => service.call(`/v1/assistants/${id}`, { method: 'DELETE', headers })
const listed = async (headers: Headers, query = '') =>
  (await service.call(`/v1/assistants${query}`, { headers })).body.data.map(({ id }: { id: string }) => id) as string[]
const noted = async (id: string) =>
  (await service.call(`/v1/admin/audit?order=asc&target=${id}`, { headers: root })).body.data.map(
    ({ act, actor, details }: Record<string, unknown>) => ({ act, actor, details }),
  )

test('only an admin shares, and everybody has what is shared [L-059]', async () => {
  for (const [json, headers] of [
    [{ name: 'Mine for all', shared: true }, ann],
    [{ name: 'Guest', shared: true }, await service.as('guest', ['guest'])],
  ] as const) {
    const { status, body } = await create(json, headers)
    expect([status, body.error]).toMatchObject([403, { code: 'forbidden', param: 'shared' }])
  }
  const own = (await create({ name: 'Own' }, ann)).body.id
  expect((await change(own, { shared: true }, ann)).status).toBe(403)
  expect((await change(own, { shared: false, name: 'Still own' }, ann)).status).toBe(200)

  const shared = (await create({ name: 'For all', shared: true }, root)).body
  expect(shared.shared).toBe(true)
  expect((await read(shared.id, ann)).body).toEqual(shared)
  expect(await listed(ann)).toEqual([shared.id, own])
  expect(await listed(ann, '?shared=true')).toEqual([shared.id])
  expect(await listed(ann, '?shared=false')).toEqual([own])
  expect(await listed(await service.as('new-guest', ['guest']))).toEqual([shared.id])
  for (const answer of [await change(shared.id, { name: 'Hers' }, ann), await remove(shared.id, ann)])
    expect([answer.status, answer.body.error.code]).toEqual([403, 'forbidden'])
  expect((await change(shared.id, { name: 'Better' }, other, 'POST')).body.name).toBe('Better')
  expect((await remove(shared.id, other)).status).toBe(200)
  expect((await read(shared.id, ann)).status).toBe(404)
})

test('what is shared no more is its maker’s again [L-059]', async () => {
  const { id } = (await create({ name: 'For a while' }, root)).body
  expect((await read(id, ann)).status).toBe(404)
  await change(id, { shared: true }, root)
  expect((await read(id, ann)).status).toBe(200)
  await change(id, { shared: false }, other)
  expect([(await read(id, ann)).status, (await read(id, other)).status, (await read(id, root)).status]).toEqual([
    404, 404, 200,
  ])
})

test('what admins do with shared ones is noted, what people do with their own is not [L-059 I-057]', async () => {
  const { id } = (await create({ name: 'Noted', instructions: 'between us', shared: true }, root)).body
  await change(id, { instructions: 'also between us', colour: 'blue' }, other)
  await change(id, {}, other)
  await change(id, { shared: false }, root)
  await change(id, { name: 'Mine' }, root)
  await change(id, { shared: true }, root)
  await remove(id, other)
  expect(await noted(id)).toEqual([
    { act: 'shared_assistant.created', actor: 'root', details: {} },
    {
      act: 'shared_assistant.changed',
      actor: 'other-admin',
      details: { fields: ['instructions'], shared: true },
    },
    { act: 'shared_assistant.changed', actor: 'root', details: { fields: ['shared'], shared: false } },
    { act: 'shared_assistant.changed', actor: 'root', details: { fields: ['shared'], shared: true } },
    { act: 'shared_assistant.deleted', actor: 'other-admin', details: { name: 'Mine' } },
  ])
  const own = (await create({ name: 'Quiet' }, ann)).body.id
  await change(own, { name: 'Quieter' }, ann)
  await remove(own, ann)
  expect(await noted(own)).toEqual([])
})

test('an admin’s key shares only with the scope admin [L-059 I-044]', async () => {
  const admins = ['user', 'admin']
  const chats = await service.keyOf('root', { scopes: ['chat'] }, admins)
  const both = await service.keyOf('root', { scopes: ['chat', 'admin'] }, admins)
  expect((await create({ name: 'x', shared: true }, { 'x-api-key': chats.key })).status).toBe(403)
  const { status, body } = await create({ name: 'x', shared: true }, { 'x-api-key': both.key })
  expect([status, (await remove(body.id, { 'x-api-key': chats.key })).status]).toEqual([200, 403])
  expect((await remove(body.id, { 'x-api-key': both.key })).status).toBe(200)
})

test('of changes at one moment by who may no more, none passes once it is shared [L-059]', async () => {
  const { id } = (await create({ name: 'Race' }, root)).body
  const wasAdmin = await service.as('root', ['user'])
  const answers = await Promise.all([
    change(id, { shared: true }, root),
    ...Array.from({ length: 10 }, (_, n) => change(id, { instructions: `${n}` }, wasAdmin)),
  ])
  expect(answers[0]!.status).toBe(200)
  for (const { status } of answers.slice(1)) expect([200, 403, 409]).toContain(status)
  expect((await change(id, { instructions: 'late' }, wasAdmin)).status).toBe(403)
})
