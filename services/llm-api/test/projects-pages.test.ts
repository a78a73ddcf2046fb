import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type KeyService, startKeyService } from './key-service.ts'

let service: KeyService
beforeAll(async () => {
  service = await startKeyService()
})
afterAll(() => service.close())

type Project = { id: string; name: string }
type Page = {
  data: Project[]
  first_id: string | null
  last_id: string | null
  next_cursor: string | null
  has_more: boolean
  total: number
}

/** Somebody with projects of these names, the last made first in the list. */
async function personWith(subject: string, names: string[]) {
  const headers = await service.as(subject)
  const ids = new Map<string, string>()
  const listed = async (query = '') => {
    const { status, body } = await service.call(`/v1/projects${query}`, { headers })
    return { status, body, page: body as Page, names: (body.data as Project[] | undefined)?.map(({ name }) => name) }
  }
  const change = (name: string, json: object) =>
    service.call(`/v1/projects/${ids.get(name)}`, { method: 'PATCH', json, headers })
  const remove = (name: string) => service.call(`/v1/projects/${ids.get(name)}`, { method: 'DELETE', headers })
  for (const [index, name] of names.entries()) {
    const { body } = await service.call('/v1/projects', { json: { name }, headers })
    ids.set(name, body.id)
    // A second apart, in the past, so that no two share a millisecond and every later change is newer.
    const at = new Date(Date.UTC(2026, 0, 1, 0, 0, index))
    await service.database.query('UPDATE project SET updated_at = $2 WHERE id = $1', [body.id, at])
  }
  return { ids, listed, change, remove }
}

test('nothing is a page, too [L-058]', async () => {
  const { listed } = await personWith('none', [])
  expect((await listed()).body).toEqual({
    object: 'list',
    data: [],
    first_id: null,
    last_id: null,
    next_cursor: null,
    has_more: false,
    total: 0,
  })
})

test('the last changed comes first; pages go on by cursor and by id, both ways [L-058]', async () => {
  const { ids, listed, change } = await personWith('ann', ['a', 'b', 'c', 'd', 'e'])
  const first = await listed('?limit=2')
  expect(first.body).toMatchObject({ first_id: ids.get('e'), last_id: ids.get('d'), has_more: true, total: 5 })
  expect([first.names, typeof first.page.next_cursor]).toEqual([['e', 'd'], 'string'])
  const second = await listed(`?limit=2&cursor=${first.page.next_cursor}`)
  expect([second.names, second.page.total]).toEqual([['c', 'b'], 5])
  expect((await listed(`?limit=2&after=${first.page.last_id}`)).names).toEqual(['c', 'b'])
  expect((await listed(`?limit=2&cursor=${first.page.last_id}`)).names).toEqual(['c', 'b'])
  const last = await listed(`?limit=2&cursor=${second.page.next_cursor}`)
  expect([last.names, last.page.has_more, last.page.next_cursor]).toEqual([['a'], false, null])
  const upwards = await listed('?order=asc&limit=3')
  expect(upwards.names).toEqual(['a', 'b', 'c'])
  expect((await listed(`?order=asc&limit=3&cursor=${upwards.page.next_cursor}`)).names).toEqual(['d', 'e'])
  await change('a', { is_favorite: true })
  expect((await listed()).names).toEqual(['a', 'e', 'd', 'c', 'b'])
})

test('pages go on where they were while projects change, come and go [L-058]', async () => {
  const { listed, change, remove } = await personWith('busy', ['a', 'b', 'c', 'd', 'e', 'f'])
  const first = await listed('?limit=2')
  expect(first.names).toEqual(['f', 'e'])
  // The one that the cursor stands on moves away, one that was seen goes, and so does one that was not.
  await change('e', { instruction: 'new' })
  await remove('f')
  await remove('c')
  const second = await listed(`?limit=2&cursor=${first.page.next_cursor}`)
  expect(second.names).toEqual(['d', 'b'])
  await remove('b')
  expect((await listed(`?limit=2&cursor=${second.page.next_cursor}`)).names).toEqual(['a'])
  expect((await listed(`?limit=2&after=${second.page.last_id}`)).names).toEqual(['a'])
})

test('all are told once when many changed in the same millisecond [L-058]', async () => {
  const names = Array.from({ length: 25 }, (_, index) => `n${index}`)
  const { listed } = await personWith('same', names)
  await service.database.query("UPDATE project SET updated_at = '2026-02-01' WHERE workspace_id = 'same'")
  for (const order of ['asc', 'desc']) {
    const seen: string[] = []
    for (let cursor = ''; ; ) {
      const { page } = await listed(`?limit=4&order=${order}${cursor}`)
      seen.push(...page.data.map(({ name }) => name))
      if (!page.has_more) break
      cursor = `&cursor=${page.next_cursor}`
    }
    expect(seen.toSorted()).toEqual(names.toSorted())
  }
})

test('archived and favorite ones are told apart, and names are searched as they stand [L-058 L-060]', async () => {
  const { listed, change } = await personWith('finder', [
    '100 % wool',
    '100 wool',
    'a_b',
    'aXb',
    'ÄPFEL',
    'back\\slash',
  ])
  await change('a_b', { is_archived: true })
  await change('aXb', { is_favorite: true })
  const found = async (query: string) => {
    const { names, page } = await listed(query)
    expect(page.total).toBe(names!.length)
    return names!.toSorted()
  }
  expect(await found('?archived=true')).toEqual(['a_b'])
  expect((await found('?archived=false')).includes('a_b')).toBe(false)
  expect(await found('?favorite=true')).toEqual(['aXb'])
  expect(await found('?favorite=true&archived=true')).toEqual([])
  expect(await found('')).toHaveLength(6)
  expect(await found(`?search=${encodeURIComponent('0 %')}`)).toEqual(['100 % wool'])
  expect(await found('?search=A_B')).toEqual(['a_b'])
  expect(await found(`?search=${encodeURIComponent('k\\s')}`)).toEqual(['back\\slash'])
  expect(await found(`?search=${encodeURIComponent('äpf')}`)).toEqual(['ÄPFEL'])
  expect(await found('?search=')).toHaveLength(6)
})

test.each([
  'limit=1000000',
  'limit=0',
  'limit=',
  'limit=ten',
  'order=up',
  'archived=maybe',
  'cursor=12',
  'cursor=%00',
  'cursor=proj_0000000000000000',
  'after=bm9uc2Vuc2U',
  'search=%00',
])('%s is refused [L-058]', async (query) => {
  const { listed } = await personWith(`wrong ${query}`, [])
  const { status, body } = await listed(`?${query}`)
  expect([status, body.error]).toMatchObject([400, { param: query.split('=')[0] }])
})

test('another’s id is no place to go on from [L-058]', async () => {
  const { ids } = await personWith('owner', ['a'])
  const { listed } = await personWith('eve', ['b'])
  expect((await listed(`?after=${ids.get('a')}`)).status).toBe(400)
})
