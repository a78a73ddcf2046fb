import { afterAll, beforeAll, expect, test } from '@jest/globals'
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
let ask: Asking
beforeAll(async () => {
  service = await bootConversations()
  ask = service.asking('ann')
})
afterAll(() => service.close())

const told = async (id: string, more = '') => {
  const rows = rowsOf(await ask('GET', `/${id}/items?order=asc&limit=100${more}`))
  return rows.map(({ content }) => (content as { text: string }[])[0]!.text)
}
/** With these items; their ids. */
async function spoken(...texts: string[]): Promise<[string, string[]]> {
  const made = await ask('POST', '', { items: texts.map((text) => says(text)), metadata: { a: 'b' }, title: 'Old' })
  const id = idOf(made)
  return [id, idsOf(await ask('GET', `/${id}/items?order=asc`))]
}
const edit = (id: string, item: string, body: object) => ask('POST', `/${id}/items/${item}/edit`, body)
const add = (id: string, text: string) => ask('POST', `/${id}/items`, { items: [says(text)] })

test('an edited item begins a branch, and what was stays [L-054 W-060]', async () => {
  const [id, ids] = await spoken('a', 'b', 'c')
  const edited = await edit(id, ids[1]!, { content: 'b2' })
  expect(edited).toMatchObject({
    status: 200,
    json: {
      object: 'conversation.branch',
      parent: 'MAIN',
      forked_from_item_id: ids[1],
      is_active: true,
      item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'b2' }], branch: edited.json.name },
    },
  })
  await add(id, 'c2')
  expect(await told(id)).toEqual(['a', 'b2', 'c2'])
  expect(await told(id, '&branch=MAIN')).toEqual(['a', 'b', 'c'])
  // What both share is the same.
  const shared = idsOf(await ask('GET', `/${id}/items?order=asc`))
  expect(shared[0]).toBe(ids[0])
  expect(shared).not.toContain(ids[1])

  const branches = await ask('GET', `/${id}/branches`)
  expect(rowsOf(branches)).toMatchObject([
    { name: 'MAIN', parent: null, is_active: false },
    { name: edited.json.name, parent: 'MAIN', is_active: true },
  ])
  const back = await ask('POST', `/${id}/branches/MAIN/activate`)
  expect(back).toMatchObject({ status: 200, json: { active_branch: 'MAIN' } })
  await add(id, 'd')
  expect(await told(id)).toEqual(['a', 'b', 'c', 'd'])
  expect(await told(id, `&branch=${edited.json.name}`)).toEqual(['a', 'b2', 'c2'])
})

test('branches of branches hold what stood before them, and pages go through all of it [L-054]', async () => {
  const [id, ids] = await spoken('a', 'b', 'c', 'd')
  const one = await edit(id, ids[2]!, { content: 'c1' })
  const d1 = idOf({ ...one, json: rowsOf(await add(id, 'd1'))[0]! })
  await add(id, 'e1')
  const two = await edit(id, d1, { content: 'd2' })
  await add(id, 'e2')
  expect(await told(id)).toEqual(['a', 'b', 'c1', 'd2', 'e2'])
  // Edited from within another branch, an item that is shared by all.
  await edit(id, ids[0]!, { content: 'a3', activate: false })
  expect(await told(id)).toEqual(['a', 'b', 'c1', 'd2', 'e2'])
  const [, , , three] = rowsOf(await ask('GET', `/${id}/branches`))
  expect(await told(id, `&branch=${three!.name}`)).toEqual(['a3'])
  expect(await told(id, `&branch=${one.json.name}`)).toEqual(['a', 'b', 'c1', 'd1', 'e1'])

  const all = idsOf(await ask('GET', `/${id}/items?branch=${two.json.name}&limit=100`))
  const paged: string[] = []
  for (let after = ''; ; ) {
    const page = await ask('GET', `/${id}/items?branch=${two.json.name}&limit=2${after}`)
    paged.push(...idsOf(page))
    if (!page.json.has_more) break
    after = `&after=${page.json.last_id}`
  }
  expect(paged).toEqual(all)
  expect(paged).toHaveLength(5)
})

test('an item that is edited again and again makes no chain of branches [L-054]', async () => {
  const [id, ids] = await spoken('a', 'b')
  let item = ids[1]!
  for (let nth = 0; nth < 5; nth += 1) {
    const { json } = await edit(id, item, { content: `b${nth}` })
    item = (json.item as { id: string }).id
  }
  expect(await told(id)).toEqual(['a', 'b4'])
  const rows = await service.database.query(
    'SELECT max(cardinality(sources)) AS most FROM conversation_branch WHERE conversation_id = $1',
    [id],
  )
  expect(rows).toEqual([{ most: 2 }])
})

test('an item may be deleted before a branch began, and is gone in all that share it [L-054]', async () => {
  const [id, ids] = await spoken('a', 'b', 'c')
  await edit(id, ids[2]!, { content: 'c2' })
  await ask('DELETE', `/${id}/items/${ids[0]}`)
  expect([await told(id), await told(id, '&branch=MAIN')]).toEqual([
    ['b', 'c2'],
    ['b', 'c'],
  ])
  expect((await edit(id, ids[0]!, { content: 'x' })).status).toBe(404)
})

test('an edit keeps the type and the role, and says what is wrong with the rest [L-054]', async () => {
  const [id, ids] = await spoken('a')
  const wrong: [object, string][] = [
    [{ type: 'reasoning' }, 'type'],
    [{ role: 'assistant' }, 'role'],
    [{ content: [{ type: 'input_text', text: 5 }] }, 'content[0].text'],
    [{ content: 5 }, 'content'],
    [{ activate: 'yes' }, 'activate'],
  ]
  for (const [body, place] of wrong) {
    const { status, json } = await edit(id, ids[0]!, body)
    expect([status, (json.error as { param: string }).param]).toEqual([400, place])
  }
  expect(rowsOf(await ask('GET', `/${id}/branches`))).toHaveLength(1)
  const output = { type: 'function_call_output', call_id: 'c', output: '1', own: 'kept' }
  const [item] = rowsOf(await ask('POST', `/${id}/items`, { items: [output] }))
  const edited = await edit(id, item!.id, { output: '2' })
  expect(edited.json.item).toMatchObject({ ...output, output: '2' })
})

test('branches that are not there are 404 [L-054]', async () => {
  const [id] = await spoken('a')
  expect((await ask('GET', `/${id}/items?branch=nope`)).status).toBe(404)
  expect((await ask('POST', `/${id}/branches/nope/activate`)).status).toBe(404)
  expect((await ask('POST', `/${id}/branches/%00/activate`)).status).toBe(404)
})

test('a fork is a conversation of its own, with copies up to an item [L-054]', async () => {
  const [id, ids] = await spoken('a', 'b', 'c')
  const fork = await ask('POST', `/${id}/fork`, { item_id: ids[1] })
  expect(fork).toMatchObject({ status: 200, json: { title: 'Old', metadata: { a: 'b' }, active_branch: 'MAIN' } })
  const forked = idOf(fork)
  expect(await told(forked)).toEqual(['a', 'b'])
  const copies = idsOf(await ask('GET', `/${forked}/items`))
  expect(copies.filter((copy) => ids.includes(copy))).toEqual([])
  await add(forked, 'x')
  await ask('DELETE', `/${forked}/items/${copies[0]}`)
  expect(await told(id)).toEqual(['a', 'b', 'c'])
  await ask('DELETE', `/${id}`)
  expect(await told(forked)).toEqual(['a', 'x'])

  const [other, items] = await spoken('a', 'b', 'c')
  await edit(other, items[1]!, { content: 'b2' })
  const whole = await ask('POST', `/${other}/fork`, { title: 'New' })
  expect([await told(idOf(whole)), whole.json.title]).toEqual([['a', 'b2'], 'New'])
  // From an item of another branch, with what stood before it there.
  expect(await told(idOf(await ask('POST', `/${other}/fork`, { item_id: items[2] })))).toEqual(['a', 'b', 'c'])
  expect((await ask('POST', `/${other}/fork`, { item_id: 'msg_none' })).status).toBe(404)
})

test('a fork’s approvals name the fork’s requests [L-054]', async () => {
  const id = idOf(
    await ask('POST', '', {
      items: [
        { type: 'mcp_approval_request', id: 'r', server_label: 'jan', name: 'run', arguments: '{}' },
        { type: 'mcp_approval_response', approval_request_id: 'r', approve: true },
      ],
    }),
  )
  const fork = idOf(await ask('POST', `/${id}/fork`))
  const [request, answer] = rowsOf(await ask('GET', `/${fork}/items?order=asc`))
  expect(answer!.approval_request_id).toBe(request!.id)
})

test('items are rated, rated otherwise, and the rating is taken back [L-055 W-060]', async () => {
  const [id, ids] = await spoken('a')
  const rate = (body: unknown) => ask('POST', `/${id}/items/${ids[0]}/rating`, body)
  expect(await rate({ rating: 'like', comment: 'schön 👍🏽' })).toMatchObject({
    status: 200,
    json: { id: ids[0], rating: 'like', rating_comment: 'schön 👍🏽', rated_at: expect.any(Number) },
  })
  expect((await ask('GET', `/${id}/items/${ids[0]}`)).json).toMatchObject({ rating: 'like' })
  const other = await rate({ rating: 'unlike' })
  expect(other.json).toMatchObject({ rating: 'unlike' })
  expect(other.json).not.toHaveProperty('rating_comment')
  const none = await rate({ rating: null, comment: 'gone' })
  for (const field of ['rating', 'rating_comment', 'rated_at']) expect(none.json).not.toHaveProperty(field)
  for (const body of [
    {},
    { rating: 'love' },
    { rating: 'like', comment: 'c'.repeat(2001) },
    { rating: 'like', comment: '\0' },
  ])
    expect((await rate(body)).status).toBe(400)
  expect((await ask('POST', `/${id}/items/msg_none/rating`, { rating: 'like' })).status).toBe(404)
})
