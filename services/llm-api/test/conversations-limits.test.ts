import { afterAll, beforeAll, expect, test } from '@jest/globals'
import {
  type Asking,
  bootConversations,
  type ConversationService,
  idOf,
  idsOf,
  messageOf,
  rowsOf,
  says,
} from './conversation-service.ts'

const MOST = 45
const MOST_BYTES = 1_000_000

let service: ConversationService
let ask: Asking
beforeAll(async () => {
  service = await bootConversations({
    CONVERSATION_MAX_ITEMS: String(MOST),
    CONVERSATION_MAX_BYTES: String(MOST_BYTES),
  })
  ask = service.asking('ann')
})
afterAll(() => service.close())

const some = (count: number, text = 'x') => Array.from({ length: count }, (_, nth) => says(`${text} ${nth}`))
const begun = async () => idOf(await ask('POST', ''))

test('at most 20 items come at a time, and none of more [L-052]', async () => {
  const id = await begun()
  const refused = await ask('POST', `/${id}/items`, { items: some(21) })
  expect([refused.status, messageOf(refused)]).toEqual([400, expect.stringContaining('at most 20')])
  expect((await ask('POST', '', { items: some(21) })).status).toBe(400)
  expect((await ask('GET', '')).json.total).toBe(1)
  expect((await ask('POST', `/${id}/items`, { items: some(20) })).status).toBe(200)
  const none = await ask('POST', `/${id}/items`, { items: [] })
  expect(none).toMatchObject({ status: 200, json: { object: 'list', data: [], has_more: false } })
})

test('a full conversation takes nothing more, also in a rush, and numbers are given once [L-052 W-037]', async () => {
  const id = await begun()
  const rush = await Promise.all(
    Array.from({ length: 16 }, (_, nth) => ask('POST', `/${id}/items`, { items: some(3, `r${nth}`) })),
  )
  expect(rush.filter(({ status }) => status === 200)).toHaveLength(MOST / 3)
  const [refused] = rush.filter(({ status }) => status !== 200)
  expect(refused).toMatchObject({ status: 400, json: { error: { code: 'conversation_full' } } })
  const rows = rowsOf(await ask('GET', `/${id}/items?order=asc&limit=100`))
  expect(rows.map(({ sequence_number }) => sequence_number)).toEqual(Array.from({ length: MOST }, (_, nth) => nth + 1))
  // What came in one request stands together.
  const texts = rows.map(({ content }) => (content as { text: string }[])[0]!.text.split(' ')[0])
  expect(new Set(texts.filter((_, nth) => nth % 3 === 0)).size).toBe(MOST / 3)
  expect(texts).toEqual(texts.flatMap((text, nth) => (nth % 3 === 0 ? [text, text, text] : [])))
})

test('a deleted item leaves its place, and its number to nobody [L-052 W-037]', async () => {
  const id = await begun()
  for (const count of [20, 20, 5]) await ask('POST', `/${id}/items`, { items: some(count) })
  expect((await ask('POST', `/${id}/items`, { items: some(1) })).status).toBe(400)
  const [last] = idsOf(await ask('GET', `/${id}/items?limit=1`))
  await ask('DELETE', `/${id}/items/${last}`)
  expect((await ask('DELETE', `/${id}/items/${last}`)).status).toBe(404)
  const [added] = rowsOf(await ask('POST', `/${id}/items`, { items: some(1) }))
  expect(added!.sequence_number).toBe(MOST + 1)
  expect((await ask('POST', `/${id}/items`, { items: some(1) })).status).toBe(400)
})

test('a conversation is made with its items, or not at all [L-052 W-050]', async () => {
  const asking = service.asking('whole')
  const refused = await asking('POST', '', { items: [says('a'), { type: 'nonsense' }] })
  expect(refused.status).toBe(400)
  expect((await asking('GET', '')).json.total).toBe(0)
})

test('titles and labels have limits in characters, and text of any language is text [L-052 L-060 W-034]', async () => {
  const family = '👨‍👩‍👧‍👦'
  const fine = ['می‌خواهم', '\u200fשלום\u200e', 'हिन्दी\u200dक', `${family} café`, '日本語\u00a0テスト', '🎉'.repeat(256)]
  for (const title of fine) {
    const { status, json } = await ask('POST', '', { title, metadata: { [title.slice(0, 8).toWellFormed()]: title } })
    expect([status, json.title]).toEqual([200, title])
    const id = json.id as string
    const [item] = rowsOf(await ask('POST', `/${id}/items`, { items: [says(title)] }))
    expect(item!.content).toEqual([{ type: 'input_text', text: title }])
  }
  const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, nth) => [`k${nth}`, 'v']))
  const wrong: [unknown, string][] = [
    [{ title: '🎉'.repeat(257) }, 'title'],
    [{ title: ' \t\u00a0' }, 'title'],
    [{ title: 'a\0' }, 'title'],
    [{ title: 'a\ud800' }, 'title'],
    [{ metadata: keys(17) }, 'metadata'],
    [{ metadata: { ['k'.repeat(65)]: 'v' } }, `metadata.${'k'.repeat(65)}`],
    [{ metadata: { '': 'v' } }, 'metadata'],
    [{ metadata: { k: '字'.repeat(513) } }, 'metadata.k'],
    [{ metadata: { k: 5 } }, 'metadata.k'],
    [{ metadata: { k: 'a\0' } }, 'metadata.k'],
    [{ metadata: ['a'] }, 'metadata'],
    [{ referrer: ' ' }, 'referrer'],
    [{ referrer: 'r'.repeat(65) }, 'referrer'],
  ]
  const id = await begun()
  for (const [body, place] of wrong)
    for (const path of ['', `/${id}`]) {
      const answer = await ask('POST', path, body)
      expect([place, answer.status]).toEqual([place, 400])
      expect(messageOf(answer)).toContain(place)
    }
  const most = { metadata: { ...keys(15), ['k'.repeat(64)]: '字'.repeat(512) } }
  expect((await ask('POST', `/${id}`, most)).json.metadata).toEqual(most.metadata)
})

test('a retry with an Idempotency-Key makes nothing twice [T-16 L-052 W-050]', async () => {
  const asking = service.asking('retry')
  const retried = async (path: string, body: unknown, key: string) => {
    const both = await Promise.all([1, 2].map(() => asking('POST', path, body, { 'idempotency-key': key })))
    const first = both.find(({ status }) => status === 200)!
    const again = await asking('POST', path, body, { 'idempotency-key': key })
    expect([again.status, again.json]).toEqual([200, first.json])
    return first
  }
  const id = idOf(await retried('', { items: some(2) }, 'make'))
  expect((await asking('GET', '')).json.total).toBe(1)
  const [item] = rowsOf(await retried(`/${id}/items`, { items: some(1) }, 'add'))
  expect(idsOf(await asking('GET', `/${id}/items`))).toHaveLength(3)
  await retried(`/${id}/items/${item!.id}/edit`, { content: 'other' }, 'edit')
  expect(idsOf(await asking('GET', `/${id}/branches`))).toHaveLength(2)
  await retried(`/${id}/fork`, {}, 'fork')
  expect((await asking('GET', '')).json.total).toBe(2)
})

test('a new name and a new item at the same time are both kept [L-052 W-037]', async () => {
  const id = await begun()
  for (let nth = 0; nth < 5; nth += 1) {
    await Promise.all([
      ask('POST', `/${id}`, { title: `name ${nth}` }),
      ask('POST', `/${id}/items`, { items: some(1) }),
    ])
    expect((await ask('GET', `/${id}`)).json.title).toBe(`name ${nth}`)
  }
  expect(idsOf(await ask('GET', `/${id}/items`))).toHaveLength(5)
})

test('a conversation holds so many bytes, however few items they are in [L-052]', async () => {
  const id = await begun()
  const large = (bytes: number) => [says('字'.repeat(bytes / 3))]
  expect((await ask('POST', `/${id}/items`, { items: large(900_000) })).status).toBe(200)
  const refused = await ask('POST', `/${id}/items`, { items: large(300_000) })
  expect(refused).toMatchObject({ status: 400, json: { error: { code: 'conversation_full' } } })
  expect((await ask('POST', '', { items: large(1_200_000) })).json).toMatchObject({
    error: { code: 'conversation_full' },
  })
  const [item] = idsOf(await ask('GET', `/${id}/items`))
  expect((await ask('POST', `/${id}/items/${item}/edit`, { content: '字'.repeat(100_000) })).status).toBe(400)
  await ask('DELETE', `/${id}/items/${item}`)
  expect((await ask('POST', `/${id}/items`, { items: large(900_000) })).status).toBe(200)
})
