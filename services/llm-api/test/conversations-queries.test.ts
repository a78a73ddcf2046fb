import { createTestDatabase, type TestDatabase } from '@jan/testkit/postgres'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { PrismaPg } from '@prisma/adapter-pg'
import type { NewItem } from '../src/conversations/conversation-row.store.ts'
import { type Conversations, createConversations } from '../src/conversations/conversations.store.ts'
import { PrismaClient } from '../src/generated/prisma/client.ts'

type Asked = { query: string; params: unknown[] }

let database: TestDatabase
let disconnect: () => Promise<void>
let conversations: Conversations
let asked: Asked[] = []

const owner = { workspaceId: 'ann', createdBy: 'ann' }
const items = (count: number): NewItem[] =>
  Array.from({ length: count }, (_, nth) => ({
    id: `msg_${nth}`,
    item: {
      type: 'message',
      role: 'user',
      content: [{ type: 'input_text', text: `words of item ${nth} `.repeat(20) }],
    },
  }))
const make = (id: string, count: number) =>
  conversations.create(
    { ...owner, id, title: id, metadata: {}, referrer: null, projectId: null, createdAt: new Date() },
    items(count),
  )

beforeAll(async () => {
  database = await createTestDatabase({ service: 'llm-api' })
  const adapter = new PrismaPg({ connectionString: database.url })
  const prisma = new PrismaClient({ adapter, log: [{ emit: 'event', level: 'query' }] })
  prisma.$on('query', ({ query, params }) => asked.push({ query, params: JSON.parse(params) as unknown[] }))
  disconnect = () => prisma.$disconnect()
  conversations = createConversations(prisma, { items: 1000, bytes: 10_000_000 })
  for (const count of [10, 100, 1000]) await make(`conv_${count}`, count)
  for (let nth = 0; nth < 20; nth += 1) await make(`conv_other${nth}`, 500)
  await database.query('ANALYZE')
})
afterAll(async () => {
  await disconnect()
  await database.drop()
})

/** What a call asks of the database. */
async function during(act: () => Promise<unknown>): Promise<Asked[]> {
  asked = []
  await act()
  return asked
}

test('a conversation of 1,000 items is read in one query, by its index [L-085 W-044]', async () => {
  for (const count of [10, 100, 1000]) {
    const queries = await during(async () => {
      const read = await conversations.read('ann', `conv_${count}`, { order: 'desc', limit: 1000 })
      expect(read?.items).toHaveLength(count)
    })
    expect(queries).toHaveLength(1)
    const [{ query, params }] = queries as [Asked]
    const plan = JSON.stringify(await database.query(`EXPLAIN (FORMAT JSON) ${query}`, params))
    expect(plan).toMatch(/"conversation_item_(pkey|in_order)"/)
    expect(plan).not.toMatch(/"Seq Scan"[^{}]*"Relation Name": ?"conversation_item"/)
  }
})

test('how much is asked does not grow with what is there [W-044]', async () => {
  const reading = { order: 'desc' as const, limit: 20 }
  const calls: [string, number, () => Promise<unknown>][] = [
    ['a page of items', 1, () => conversations.read('ann', 'conv_1000', { ...reading, after: 'msg_500' })],
    ['a page of conversations', 1, () => conversations.list('ann', {}, reading)],
    ['a search', 1, () => conversations.search('ann', "'nothing'", {}, reading)],
    ['an item', 1, () => conversations.items.find('ann', 'conv_1000', 'msg_7')],
    ['a rating', 1, () => rate('like')],
    ['a deletion', 1, () => conversations.items.delete('ann', 'conv_100', 'msg_7', new Date())],
    // What is known, insert and count, in a transaction that holds the conversation.
    [
      'an addition',
      5,
      () => conversations.items.append(owner, { conversationId: 'conv_10', items: more(20), at: new Date() }),
    ],
  ]
  for (const [what, count, act] of calls) expect([what, (await during(act)).length]).toEqual([what, count])
})

const rate = (rating: 'like') =>
  conversations.items.rate('ann', 'conv_1000', 'msg_7', { rating, ratingComment: null, ratedAt: new Date() })
const more = (count: number) => items(count).map((item) => ({ ...item, id: `more_${item.id}` }))
