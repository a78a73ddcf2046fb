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

const create = (json: unknown, headers = ann) => service.call('/v1/projects', { json, headers })
const read = (id: string, headers = ann) => service.call(`/v1/projects/${id}`, { headers })
const change = (id: string, json: unknown, headers = ann, method = 'PATCH') =>
  service.call(`/v1/projects/${id}`, { method, json, headers })
const remove = (id: string, headers = ann) => service.call(`/v1/projects/${id}`, { method: 'DELETE', headers })

test('a project is made, read, changed by PATCH and by POST, and deleted [L-058]', async () => {
  const made = await create({ name: '  Trip to Rome ', instruction: 'Answer in Italian.' })
  expect([made.status, made.body]).toEqual([
    201,
    {
      id: expect.stringMatching(/^proj_[0-9a-z]{16}$/),
      object: 'project',
      name: 'Trip to Rome',
      instruction: 'Answer in Italian.',
      is_favorite: false,
      is_archived: false,
      created_at: expect.any(Number),
      updated_at: made.body.created_at,
    },
  ])
  const { id } = made.body
  expect(Math.abs(made.body.created_at - Date.now() / 1000)).toBeLessThan(60)
  expect((await read(id)).body).toEqual(made.body)
  const patched = await change(id, { is_favorite: true })
  expect([patched.status, patched.body]).toMatchObject([200, { name: 'Trip to Rome', is_favorite: true }])
  const posted = await change(id, { name: 'Trip to Milan' }, ann, 'POST')
  expect([posted.status, posted.body]).toMatchObject([200, { name: 'Trip to Milan', is_favorite: true }])
  const gone = await remove(id)
  expect([gone.status, gone.body]).toEqual([200, { id, object: 'project', deleted: true }])
  expect([(await remove(id)).status, (await read(id)).status, (await change(id, { name: 'x' })).status]).toEqual([
    404, 404, 404,
  ])
})

test('values are cleared, and what is not named stays [L-058]', async () => {
  const { id } = (await create({ name: 'Clearing', instruction: 'Be brief', is_favorite: true })).body
  expect((await change(id, { is_favorite: false })).body).toMatchObject({ instruction: 'Be brief', is_favorite: false })
  expect((await change(id, { instruction: '' })).body.instruction).toBe('')
  expect((await change(id, { instruction: 'Again' })).body.instruction).toBe('Again')
  expect((await change(id, { instruction: null })).body).not.toHaveProperty('instruction')
  expect((await read(id)).body).not.toHaveProperty('instruction')
})

test('archiving tells since when, keeps that time, and is undone [L-058]', async () => {
  const { id } = (await create({ name: 'Attic' })).body
  const archived = await change(id, { is_archived: true })
  expect(archived.body).toMatchObject({ is_archived: true, archived_at: archived.body.updated_at })
  await service.database.query("UPDATE project SET archived_at = '2026-01-02T03:04:05Z' WHERE id = $1", [id])
  const again = await change(id, { is_archived: true, name: 'The attic' })
  expect(again.body).toMatchObject({ name: 'The attic', archived_at: Date.parse('2026-01-02T03:04:05Z') / 1000 })
  const back = (await change(id, { is_archived: false })).body
  expect([back.is_archived, 'archived_at' in back]).toEqual([false, false])
})

test('an empty change changes nothing, not even the time [L-058]', async () => {
  const { id } = (await create({ name: 'Still' })).body
  await service.database.query("UPDATE project SET updated_at = '2026-01-01T00:00:00Z' WHERE id = $1", [id])
  const { status, body } = await change(id, { colour: 'blue' })
  expect([status, body.updated_at]).toEqual([200, Date.parse('2026-01-01T00:00:00Z') / 1000])
})

test('a name is taken once in a workspace, is another’s to take, and is free after deletion [L-058]', async () => {
  const first = await create({ name: 'Taxes' })
  const second = await create({ name: ' Taxes ' })
  expect([second.status, second.body.error]).toMatchObject([
    409,
    { code: 'conflict', param: 'name', message: "You have a project with the name 'Taxes' already" },
  ])
  expect((await create({ name: 'Taxes' }, bob)).status).toBe(201)
  const other = (await create({ name: 'Taxes 2' })).body
  expect((await change(other.id, { name: 'Taxes' })).status).toBe(409)
  expect((await change(first.body.id, { name: 'Taxes' })).status).toBe(200)
  await remove(first.body.id)
  expect((await change(other.id, { name: 'Taxes' })).body.name).toBe('Taxes')
  expect((await create({ name: 'Café' })).status).toBe(201)
  expect((await create({ name: 'Café'.normalize('NFD') })).status).toBe(409)
})

test('of twenty at once with one name, one is made [L-058 W-032]', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => create({ name: 'Rush' })))
  expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array.from({ length: 19 }, () => 409)])
  const ids = await Promise.all(['a', 'b', 'c'].map(async (name) => (await create({ name })).body.id as string))
  const renamed = await Promise.all(ids.map((id) => change(id, { name: 'Crowd' })))
  expect(renamed.map(({ status }) => status).toSorted()).toEqual([200, 409, 409])
})

test.each([
  ['joiners of an emoji', '👩\u200d👩\u200d👧\u200d👦 family'],
  ['Persian with a non-joiner', 'می\u200cخواهم'],
  ['a space that does not break', '10\u00a0km'],
  ['Hebrew with a mark of direction', 'שלום\u200f 1'],
  ['Devanagari with a joiner', 'क्\u200dष'],
  ['text that is not composed', 'Café'.normalize('NFD')],
  ['120 characters beyond the first plane', '🦊'.repeat(120)],
])('%s is kept as it was sent [L-060]', async (_what, name) => {
  const owner = await service.as('polyglot')
  const instruction = `${name}\r\n\t${name}`
  const { status, body } = await create({ name, instruction }, owner)
  expect([status, body]).toMatchObject([201, { name, instruction }])
  expect((await read(body.id, owner)).body).toMatchObject({ name, instruction })
})

test('an instruction has up to 32,768 characters, of whatever plane [L-058 L-060]', async () => {
  const instruction = '🦊'.repeat(32_768)
  const { status, body } = await create({ name: 'Longest', instruction })
  expect([status, body.instruction === instruction]).toEqual([201, true])
  const more = await create({ name: 'Longer', instruction: 'x'.repeat(32_769) })
  expect([more.status, more.body.error.param]).toEqual([400, 'instruction'])
})

test.each([
  ['name', {}],
  ['name', { name: null }],
  ['name', { name: 7 }],
  ['name', { name: '' }],
  ['name', { name: ' \t ' }],
  ['name', { name: '\u200d\u200c' }],
  ['name', { name: 'x'.repeat(121) }],
  ['name', { name: '🦊'.repeat(121) }],
  ['name', { name: 'a\u0000b' }],
  ['name', { name: 'a\u001bb' }],
  ['name', { name: 'half \ud83e of a fox' }],
  ['instruction', { name: 'x', instruction: 'a\u0000b' }],
  ['instruction', { name: 'x', instruction: ['a'] }],
  ['is_favorite', { name: 'x', is_favorite: 'yes' }],
  ['is_archived', { name: 'x', is_archived: null }],
])('what is wrong with %s is told: %j [L-058]', async (param, json) => {
  const { status, body } = await create(json)
  expect([status, body.error]).toMatchObject([400, { type: 'invalid_request_error', param }])
  expect(body.message).toMatch(new RegExp(`^${param}: .`))
})

test('another’s project is not there, and what is no id is told apart [L-058]', async () => {
  const { id } = (await create({ name: 'Private' })).body
  for (const answer of await Promise.all([read(id, bob), change(id, { name: 'Mine' }, bob), remove(id, bob)]))
    expect([answer.status, answer.body.error.code]).toEqual([404, 'not_found'])
  expect((await read(id)).body.name).toBe('Private')
  expect((await read('proj_0000000000000000')).status).toBe(404)
  for (const wrong of ['nonsense', 'proj_', 'proj_ABC', 'conv_0000000000000000', 'proj_a%00'])
    expect((await read(wrong)).status).toBe(400)
  expect((await service.call('/v1/projects', { json: { name: 'x' } })).status).toBe(401)
})

test('a key needs the scope chat [I-044]', async () => {
  const [chats, reads] = [
    await service.keyOf('kim', { scopes: ['chat'] }),
    await service.keyOf('kim', { scopes: ['mcp'] }),
  ]
  expect((await create({ name: 'By key' }, { 'x-api-key': chats.key })).status).toBe(201)
  expect((await create({ name: 'By key' }, { 'x-api-key': reads.key })).status).toBe(403)
})
