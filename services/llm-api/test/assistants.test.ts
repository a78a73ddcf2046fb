import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type KeyService, startKeyService } from './key-service.ts'

let service: KeyService
let ann: Record<string, string>
let bob: Record<string, string>
beforeAll(async () => {
  service = await startKeyService()
  ann = await service.as('ann')
  bob = await service.as('bob')
})
afterAll(() => service.close())

const create = (json: unknown, headers = ann) => service.call('/v1/assistants', { json, headers })
const read = (id: string, headers = ann) => service.call(`/v1/assistants/${id}`, { headers })
const change = (id: string, json: unknown, headers = ann, method = 'PATCH') =>
  service.call(`/v1/assistants/${id}`, { method, json, headers })
const remove = (id: string, headers = ann) => service.call(`/v1/assistants/${id}`, { method: 'DELETE', headers })

const whole = {
  name: 'Librarian',
  description: 'Knows where books are',
  model: 'vendor/some-model',
  instructions: 'Be quiet. می\u200cخواهم 👩\u200d🚀',
  temperature: 0,
  tools: {
    allow: ['google_*', 'catalogue__*_read'],
    deny: ['*_delete'],
    require_approval: { always: { tool_names: ['google_search'] }, never: { tool_names: ['catalogue__list'] } },
    execute: true,
  },
  metadata: { shelf: '7', 'any key, even this': '' },
}

test('an assistant is made, read, changed by PATCH and by POST, and deleted [L-059 L-060]', async () => {
  const made = await create(whole)
  expect([made.status, made.body]).toEqual([
    200,
    {
      ...whole,
      id: expect.stringMatching(/^asst_[0-9a-z]{16}$/),
      object: 'assistant',
      shared: false,
      created_at: expect.any(Number),
      updated_at: made.body.created_at,
    },
  ])
  const { id } = made.body
  expect((await read(id)).body).toEqual(made.body)
  expect((await change(id, { name: 'Archivist' })).body).toMatchObject({ ...whole, name: 'Archivist' })
  expect((await change(id, { temperature: 1.5 }, ann, 'POST')).body).toMatchObject({ temperature: 1.5 })
  expect((await remove(id)).body).toEqual({ id, object: 'assistant.deleted', deleted: true })
  expect([(await read(id)).status, (await remove(id)).status, (await change(id, {})).status]).toEqual([404, 404, 404])
  const [row] = await service.database.query('SELECT * FROM assistant WHERE id = $1', [id])
  expect(row).toMatchObject({ name: '', description: null, instructions: null, tools: null, metadata: {} })
})

test('a name is enough; tools begin with all allowed and all asked for [L-059]', async () => {
  const { body } = await create({ name: 'Plain' })
  const nothing = { description: null, model: null, instructions: null, temperature: null, tools: null, metadata: {} }
  expect(body).toMatchObject({ ...nothing, shared: false })
  expect((await create({ name: 'Tools', tools: {} })).body.tools).toEqual({
    allow: ['*'],
    deny: [],
    require_approval: 'always',
    execute: false,
  })
  expect((await create({ name: 'No tools', tools: { allow: [] } })).body.tools.allow).toEqual([])
})

test('null clears every value that need not be there, and what is not named stays [L-059]', async () => {
  const { id } = (await create(whole)).body
  const cleared = { description: null, model: null, instructions: null, temperature: null, tools: null }
  expect((await change(id, { ...cleared, metadata: null })).body).toMatchObject({
    ...cleared,
    name: 'Librarian',
    metadata: {},
  })
  expect((await read(id)).body).toMatchObject(cleared)
  await change(id, whole)
  expect((await change(id, { metadata: { only: 'this' }, tools: { execute: true } })).body).toMatchObject({
    metadata: { only: 'this' },
    tools: { allow: ['*'], require_approval: 'always', execute: true },
    instructions: whole.instructions,
    temperature: 0,
  })
})

const tools = (policy: unknown) => ({ name: 'x', tools: policy })
test.each([
  ['name', {}],
  ['name', { name: '\u200d' }],
  ['name', { name: 'x'.repeat(257) }],
  ['description', { name: 'x', description: 'y'.repeat(513) }],
  ['instructions', { name: 'x', instructions: 'y'.repeat(256_001) }],
  ['instructions', { name: 'x', instructions: 'a\u0000b' }],
  ['model', { name: 'x', model: '' }],
  ['model', { name: 'x', model: 'asst_0000000000000000' }],
  ['temperature', { name: 'x', temperature: 2.1 }],
  ['temperature', { name: 'x', temperature: '1' }],
  ['shared', { name: 'x', shared: 'yes' }],
  ['metadata', { name: 'x', metadata: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [n, ''])) }],
  ['metadata.a', { name: 'x', metadata: { a: 1 } }],
  ['metadata.a', { name: 'x', metadata: { a: 'y'.repeat(513) } }],
  [`metadata.${'k'.repeat(65)}`, { name: 'x', metadata: { ['k'.repeat(65)]: '' } }],
  ['tools', tools([{ type: 'file_search' }])],
  ['tools', tools({ permit: ['*'] })],
  ['tools.allow', tools({ allow: 'google_search' })],
  ['tools.allow.0', tools({ allow: ['google search'] })],
  ['tools.allow.1', tools({ allow: ['*', ''] })],
  ['tools.deny.0', tools({ deny: ['*a*a*a*a*'] })],
  ['tools.deny', tools({ deny: Array.from({ length: 129 }, (_, n) => `t${n}`) })],
  ['tools.require_approval', tools({ require_approval: 'sometimes' })],
  ['tools.require_approval.never.tool_names.0', tools({ require_approval: { never: { tool_names: ['*'] } } })],
  ['tools.require_approval.never', tools({ require_approval: { never: { read_only: true } } })],
  [
    'tools.require_approval',
    tools({ require_approval: { always: { tool_names: ['a'] }, never: { tool_names: ['a'] } } }),
  ],
  ['tools.execute', tools({ execute: 'yes' })],
])('what is wrong with %s is told, and nothing is made [L-059]', async (param, json) => {
  const { status, body } = await create(json, await service.as('careless'))
  expect([status, body.error]).toMatchObject([400, { type: 'invalid_request_error', param }])
  expect(await service.database.query("SELECT FROM assistant WHERE workspace_id = 'careless'")).toEqual([])
})

test('another’s assistant is not there, and neither is what is no id [L-059]', async () => {
  const { id } = (await create({ name: 'Private' })).body
  const answers = [await read(id, bob), await change(id, { name: 'Mine' }, bob), await remove(id, bob)]
  for (const wrong of ['asst_0000000000000000', 'nonsense', 'asst_a%00']) answers.push(await read(wrong))
  for (const { status, body } of answers) expect([status, body.error.code]).toEqual([404, 'not_found'])
  expect((await read(id)).body.name).toBe('Private')
  expect((await service.call('/v1/assistants')).status).toBe(401)
})

test('pages go by id, newest first or oldest, and go on after what was deleted [L-059]', async () => {
  const cat = await service.as('cat')
  const ids: string[] = []
  for (const name of ['a', 'b', 'c', 'd', 'e']) ids.push((await create({ name }, cat)).body.id)
  const [a, b, c, d, e] = ids
  const listed = async (query: string) => {
    const { status, body } = await service.call(`/v1/assistants${query}`, { headers: cat })
    return { status, body, ids: body.data?.map(({ id }: { id: string }) => id) }
  }
  const first = await listed('?limit=2')
  expect(first.body).toMatchObject({ object: 'list', first_id: e, last_id: d, has_more: true })
  await remove(d!, cat)
  expect((await listed(`?limit=2&after=${d}`)).ids).toEqual([c, b])
  expect((await listed(`?order=asc&after=${b}`)).ids).toEqual([c, e])
  expect((await listed(`?before=${c}`)).ids).toEqual([e])
  expect((await listed(`?after=${b}`)).body).toMatchObject({ first_id: a, last_id: a, has_more: false })
  for (const wrong of ['limit=1000000', 'order=up', 'after=asst_0000000000000000', 'before=%00', 'shared=maybe'])
    expect((await listed(`?${wrong}`)).status).toBe(400)
  expect((await service.call(`/v1/assistants?after=${a}`, { headers: bob })).status).toBe(400)
})
