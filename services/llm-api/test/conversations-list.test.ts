import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { call } from './boot.ts'
import {
  type Asking,
  bootConversations,
  type ConversationService,
  idOf,
  idsOf,
  rowsOf,
  says,
} from './conversation-service.ts'

let service: ConversationService
beforeAll(async () => {
  service = await bootConversations()
})
afterAll(() => service.close())

/** As many as that, the first made first. */
async function made(ask: Asking, count: number, body: Record<string, unknown> = {}): Promise<string[]> {
  const ids: string[] = []
  for (let nth = 0; nth < count; nth += 1) ids.push(idOf(await ask('POST', '', body)))
  return ids
}

const projectOf = async (subject: string, name: string) =>
  idOf(await call(service, 'POST', '/v1/projects', { headers: await service.as(subject), json: { name } }))

test('those with the latest items come first, with a total that is a number [L-051 W-050]', async () => {
  const ask = service.asking('order')
  const [a, b, c] = await made(ask, 3)
  expect(await ask('GET', '')).toMatchObject({ status: 200, json: { object: 'list', has_more: false, total: 3 } })
  expect(idsOf(await ask('GET', ''))).toEqual([c, b, a])
  await ask('POST', `/${a}/items`, { items: [says('again')] })
  expect(idsOf(await ask('GET', ''))).toEqual([a, c, b])
  // Names and labels are no activity.
  await ask('POST', `/${b}`, { title: 'renamed' })
  const listed = await ask('GET', '?order=asc')
  expect(idsOf(listed)).toEqual([b, c, a])
  expect(listed.json).toMatchObject({ first_id: b, last_id: a })
  const none = await service.asking('nobody')('GET', '')
  expect(none.json).toEqual({ object: 'list', data: [], first_id: '', last_id: '', has_more: false, total: 0 })
})

test('pages neither repeat nor skip while conversations move and go [L-051 W-033]', async () => {
  const ask = service.asking('pages')
  const ids = (await made(ask, 7)).reverse()
  const first = await ask('GET', '?limit=3')
  expect(idsOf(first)).toEqual(ids.slice(0, 3))
  expect(first.json).toMatchObject({ has_more: true, total: 7, next_cursor: expect.any(String) })
  // The last one of the page moves to the front; the one after it goes away.
  await ask('POST', `/${ids[2]}/items`, { items: [says('x')] })
  await ask('DELETE', `/${ids[3]}`)
  const second = await ask('GET', `?limit=3&after=${first.json.next_cursor}`)
  expect(idsOf(second)).toEqual(ids.slice(4))
  expect(second.json).toMatchObject({ has_more: false, total: 6 })
  expect(second.json).not.toHaveProperty('next_cursor')
  // An id alone is a place, too: where its conversation stands now, also when it was deleted.
  expect(idsOf(await ask('GET', `?limit=1&after=${ids[4]}`))).toEqual([ids[5]])
  expect(idsOf(await ask('GET', `?limit=1&cursor=${ids[3]}`))).toEqual([ids[4]])
  expect((await service.asking('other')('GET', `?after=${ids[4]}`)).status).toBe(400)
})

test('no page has more than a hundred rows, whatever is asked [L-051 W-050]', async () => {
  const ask = service.asking('many')
  await service.database.query(
    `INSERT INTO conversation (id, workspace_id, created_by, created_at, last_activity_at)
     SELECT 'conv_many' || n, 'many', 'many', now(), now() FROM generate_series(1, 150) AS n`,
  )
  const page = await ask('GET', '?limit=1000000')
  expect(rowsOf(page)).toHaveLength(100)
  expect(page.json).toMatchObject({ has_more: true, total: 150 })
  // All of one moment: the id tells them apart.
  const rest = await ask('GET', `?limit=100&after=${page.json.next_cursor}`)
  expect(new Set([...idsOf(page), ...idsOf(rest)]).size).toBe(150)
})

test('conversations are listed by project, and move between projects [L-051 W-035]', async () => {
  const ask = service.asking('projects')
  const [home, work] = [await projectOf('projects', 'Home'), await projectOf('projects', 'Work')]
  const [a, b] = await made(ask, 2, { project_id: home })
  const [c] = await made(ask, 1)
  const inProject = async (id: string) => idsOf(await ask('GET', `?project_id=${id}`))
  expect(await inProject(home)).toEqual([b, a])
  expect((await ask('GET', `?project_id=${home}`)).json.total).toBe(2)
  expect((await ask('POST', `/${a}`, { project_id: work })).json.project_id).toBe(work)
  expect([await inProject(home), await inProject(work)]).toEqual([[b], [a]])
  expect((await ask('PATCH', `/${b}`, { project_id: null })).json).not.toHaveProperty('project_id')
  expect(await inProject(home)).toEqual([])
  expect(idsOf(await ask('GET', ''))).toEqual([c, b, a])

  const foreign = await projectOf('stranger', 'Theirs')
  for (const project_id of [foreign, 'proj_0000000000000000', 'nonsense']) {
    expect((await ask('POST', '', { project_id })).status).toBe(404)
    expect((await ask('POST', `/${a}`, { project_id })).status).toBe(404)
  }
  expect((await ask('GET', '?project_id=&referrer=&after=')).json.total).toBe(3)

  // A project that goes leaves its conversations as they are, and they may be sent back so.
  await call(service, 'DELETE', `/v1/projects/${work}`, { headers: await service.as('projects') })
  expect(await inProject(work)).toEqual([a])
  const told = (await ask('GET', `/${a}`)).json
  expect((await ask('POST', `/${a}`, told)).json).toEqual(told)
  expect((await ask('POST', `/${b}`, { project_id: work })).status).toBe(404)
  expect((await ask('POST', `/${a}/fork`)).json.project_id).toBe(work)
})

test('conversations are listed by referrer [L-051]', async () => {
  const ask = service.asking('referrers')
  const [a] = await made(ask, 1, { referrer: 'jan-web' })
  await made(ask, 1, { referrer: 'jan' })
  expect(idsOf(await ask('GET', '?referrer=jan-web'))).toEqual([a])
})

test('the archive is apart, and what comes back stands where it stood [L-053]', async () => {
  const ask = service.asking('archive')
  const [a, b, c] = await made(ask, 3)
  expect((await ask('POST', `/${b}/archive`)).json).toMatchObject({ id: b, status: 'archived' })
  expect((await ask('POST', `/${b}/archive`)).status).toBe(200)
  expect(idsOf(await ask('GET', ''))).toEqual([c, a])
  expect(idsOf(await ask('GET', '?status=archived'))).toEqual([b])
  expect(idsOf(await ask('GET', '?status=all'))).toEqual([c, b, a])
  expect((await ask('GET', `/${b}`)).status).toBe(200)
  expect((await ask('POST', `/${b}/restore`)).json).toMatchObject({ status: 'active' })
  expect(idsOf(await ask('GET', ''))).toEqual([c, b, a])
})
