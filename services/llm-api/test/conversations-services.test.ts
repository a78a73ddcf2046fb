import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { call, internalTokensOf } from './boot.ts'
import { bootConversations, type ConversationService, idOf, idsOf, type Shown, says } from './conversation-service.ts'

let service: ConversationService
beforeAll(async () => {
  service = await bootConversations()
})
afterAll(() => service.close())

const some = (count: number) =>
  Array.from({ length: count }, (_, nth) => ({ ...says(`say ${nth}`), id: `msg_given${nth}` }))

test('a service reads the history of the person it acts for, whole and in order [L-056]', async () => {
  const [ask, serve] = [service.asking('ann'), service.serving('ann')]
  const sealed = { type: 'reasoning', summary: [], encrypted_content: 'sealed' }
  const id = idOf(await ask('POST', '', { title: 'T', items: [says('a'), sealed, says('b')] }))
  const { status, json } = await serve('GET', `/internal/conversations/${id}/history`)
  expect([status, json]).toMatchObject([200, { object: 'conversation.history', conversation: { id, title: 'T' } }])
  expect(json.items).toMatchObject([{ content: [{ text: 'a' }] }, sealed, { content: [{ text: 'b' }] }])
})

test('a service appends once by id, as many as it has, to the active branch [L-056 W-037]', async () => {
  const [ask, serve] = [service.asking('bob'), service.serving('bob')]
  const id = idOf(await ask('POST', ''))
  const path = `/internal/conversations/${id}/items`
  const append = (items: unknown, title?: string) => serve('POST', path, { items, title })
  const both = await Promise.all([append(some(30), 'Said'), append(some(30), 'Said')])
  expect(both.map(({ status }) => status)).toEqual([200, 200])
  expect(both[0]!.json).toEqual(both[1]!.json)
  expect(idsOf(both[0]!)).toEqual(some(30).map((item) => item.id))
  // What is there stays as it is; what is new is added behind it.
  const changed = [{ ...some(1)[0]!, content: 'changed' }, ...some(31)]
  expect((await append(changed)).json.message).toContain('items[1].id')
  await append([{ ...some(1)[0]!, content: 'changed' }, some(31)[30]], 'Later')
  const { json } = await serve('GET', `/internal/conversations/${id}/history`)
  const items = json.items as Shown[]
  expect(items).toHaveLength(31)
  expect(items[0]).toMatchObject({ id: 'msg_given0', content: [{ text: 'say 0' }] })
  expect(items.map(({ sequence_number }) => sequence_number)).toEqual(items.map((_, nth) => nth + 1))
  // A title is given to what has none.
  expect((await ask('GET', `/${id}`)).json.title).toBe('Said')

  const [edited] = idsOf(await ask('GET', `/${id}/items?limit=1`))
  await ask('POST', `/${id}/items/${edited}/edit`, { content: 'otherwise' })
  await append([{ ...says('after'), id: 'fc_after' }])
  const [last] = (await ask('GET', `/${id}/items?limit=1`)).json.data as Shown[]
  expect(last).toMatchObject({ id: 'fc_after', branch: expect.stringMatching(/^branch_/) })
})

test('an item’s id is its conversation’s own, and nobody learns of others’ [L-056 L-057]', async () => {
  const [one, two] = [idOf(await service.asking('ann')('POST', '')), idOf(await service.asking('eve')('POST', ''))]
  const item = { ...says('mine'), id: 'msg_same' }
  const path = (id: string) => `/internal/conversations/${id}/items`
  expect((await service.serving('ann')('POST', path(one), { items: [item] })).status).toBe(200)
  expect((await service.serving('eve')('POST', path(two), { items: [item] })).status).toBe(200)
  expect((await service.serving('eve')('POST', path(one), { items: [item] })).status).toBe(404)
  expect((await service.serving('eve')('GET', `/internal/conversations/${one}/history`)).status).toBe(404)
})

test('a service may give a conversation’s id, once, and a taken one is a conflict [L-056]', async () => {
  const serve = service.serving('ann')
  const body = { id: 'conv_given0000000000', title: 'G' }
  const made = await serve('POST', '/v1/conversations', body)
  expect(made).toMatchObject({ status: 200, json: body })
  expect(await serve('POST', '/v1/conversations', { ...body, title: 'again' })).toMatchObject({ json: body })
  expect((await service.serving('eve')('POST', '/v1/conversations', body)).status).toBe(409)
  const twice = await serve('POST', '/v1/conversations', { items: [some(1)[0], some(1)[0]] })
  expect([twice.status, twice.json.message]).toEqual([400, expect.stringContaining('items[1].id')])
})

test('what is for services is for services that act for somebody [L-056]', async () => {
  const ask = service.asking('ann')
  const id = idOf(await ask('POST', ''))
  const path = `/internal/conversations/${id}`
  const ann = await service.as('ann')
  expect((await call(service, 'GET', `${path}/history`, { headers: ann })).status).toBe(403)
  expect((await call(service, 'POST', `${path}/items`, { headers: ann, json: { items: [] } })).status).toBe(403)
  expect((await call(service, 'GET', `${path}/history`)).status).toBe(401)
  const token = await internalTokensOf('response-api').mint('llm-api', { kind: 'service', service: 'response-api' })
  const itself = { authorization: `Bearer ${token}` }
  expect((await call(service, 'GET', `${path}/history`, { headers: itself })).status).toBe(403)
  const wrong = await service.serving('ann')('POST', `${path}/items`, { items: [{ ...says('x'), id: 'a b' }] })
  expect([wrong.status, wrong.json.message]).toEqual([400, expect.stringContaining('items[0].id')])
})

test('a conversation of somebody else is 404 on every route [L-057]', async () => {
  const [ask, eve] = [service.asking('ann'), service.asking('eve')]
  const id = idOf(await ask('POST', '', { items: [says('mine')] }))
  const [item] = idsOf(await ask('GET', `/${id}/items`))
  const routes: [string, string, unknown?][] = [
    ['GET', ''],
    ['POST', '', { title: 'x' }],
    ['PATCH', '', { title: 'x' }],
    ['DELETE', ''],
    ['POST', '/archive'],
    ['POST', '/restore'],
    ['GET', '/export'],
    ['GET', '/export?format=markdown'],
    ['POST', '/fork', {}],
    ['POST', '/fork', { item_id: item }],
    ['GET', '/items'],
    ['POST', '/items', { items: [says('x')] }],
    ['GET', `/items/${item}`],
    ['DELETE', `/items/${item}`],
    ['POST', `/items/${item}/rating`, { rating: 'like' }],
    ['POST', `/items/${item}/edit`, { content: 'x' }],
    ['GET', '/branches'],
    ['POST', '/branches/MAIN/activate'],
  ]
  const mine = (await ask('GET', `/${id}/export`)).json
  for (const [method, path, json] of routes) {
    const answer = await eve(method, `/${id}${path}`, json)
    expect([method, path, answer.status]).toEqual([method, path, 404])
  }
  expect({ ...(await ask('GET', `/${id}/export`)).json, exported_at: 0 }).toEqual({ ...mine, exported_at: 0 })
  // An item of mine in another conversation of mine is as little there.
  const other = idOf(await ask('POST', ''))
  expect((await ask('GET', `/${other}/items/${item}`)).status).toBe(404)
  expect((await ask('GET', `/${other}/items?after=${item}`)).status).toBe(400)
})
