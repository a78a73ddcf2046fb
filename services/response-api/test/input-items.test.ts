import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { boot, type World } from './boot.ts'

let world: World
beforeAll(async () => {
  world = await boot()
})
afterAll(() => world.close())

const textsOf = (items: unknown[]) => items.map((item) => (item as { content?: { text: string }[] }).content?.[0]?.text)

test('input items are listed in pages, newest first unless asked otherwise', async () => {
  const client = await world.client()
  const input = ['one', 'two', 'three'].map((content) => ({ role: 'user' as const, content }))
  const { id } = await client.responses.create({ model: 'm', input, tools: [] })
  const page = await client.responses.inputItems.list(id, { limit: 2 })
  expect(textsOf(page.data)).toEqual(['three', 'two'])
  const [newest, older] = page.data
  const list = await world.get(`/v1/responses/${id}/input_items?limit=2`)
  expect(await list.json()).toEqual({
    object: 'list',
    data: page.data,
    first_id: newest?.id,
    last_id: older?.id,
    has_more: true,
  })
  expect(page.data[0]).toEqual({
    id: expect.stringMatching(/^msg_/),
    type: 'message',
    status: 'completed',
    role: 'user',
    content: [{ type: 'input_text', text: 'three' }],
  })
  const all: unknown[] = []
  for await (const item of client.responses.inputItems.list(id, { limit: 2, order: 'asc' })) all.push(item)
  expect(textsOf(all)).toEqual(['one', 'two', 'three'])
  const before = await world.get(`/v1/responses/${id}/input_items?order=asc&before=${page.data[0]?.id}`)
  expect(textsOf(((await before.json()) as { data: unknown[] }).data)).toEqual(['one', 'two'])
  const end = await world.get(`/v1/responses/${id}/input_items?order=asc&after=${page.data[0]?.id}`)
  expect(await end.json()).toMatchObject({ data: [], has_more: false })
  for (const cursor of ['after=msg_unknown', 'before=%00', 'limit=0', 'order=up'])
    expect((await world.get(`/v1/responses/${id}/input_items?${cursor}`)).status).toBe(400)
})

test('a chain of responses is one conversation, for the model and in the list', async () => {
  const client = await world.client()
  const say = async (input: string, previous_response_id?: string) =>
    client.responses.create({ model: 'm', input, tools: [], ...(previous_response_id ? { previous_response_id } : {}) })
  world.model.play({ text: ['Hello Ann'] })
  const first = await say('I am Ann')
  world.model.play({ text: ['Fine'] })
  const second = await say('How are you?', first.id)
  world.model.play({ text: ['Ann'] })
  const third = await say('Who am I?', second.id)
  const said = ['I am Ann', 'Hello Ann', 'How are you?', 'Fine', 'Who am I?']
  expect(world.model.requests[0]?.messages.map((message) => message.content)).toEqual(said)
  const items = await client.responses.inputItems.list(third.id, { order: 'asc' })
  expect(textsOf(items.data)).toEqual(said)
})

test('what text columns and jsonb refuse is kept: NUL and lone surrogates', async () => {
  world.model.play({ text: ['a\u0000b\ud800c'] })
  const answer = await world.post({ model: 'm', input: 'x\u0000y', tools: [], instructions: '\u0000' })
  const body = (await answer.json()) as { id: string }
  expect(answer.status).toBe(200)
  expect(JSON.stringify(await (await world.get(`/v1/responses/${body.id}`)).json())).toBe(JSON.stringify(body))
})
