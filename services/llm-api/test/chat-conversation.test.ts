import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { type Booted, bootLlmApi, call } from './boot.ts'
import { beginStream, chunk, completion, type FakeProvider, sendJson, startFakeProvider } from './fake-provider.ts'

let provider: FakeProvider
let service: Booted
let ann: { authorization: string }

beforeAll(async () => {
  provider = await startFakeProvider()
  service = await bootLlmApi({ JAN_MODEL_BASE_URL: provider.url, MODEL_IDLE_TIMEOUT: '1s' })
  ann = await service.as('ann')
})
beforeEach(() => {
  provider.calls.length = 0
  provider.onChat = (response) => sendJson(response, 200, completion('hello'))
})
afterAll(async () => {
  await service.close()
  await provider.close()
})

type Json = Record<string, unknown>
type Item = Json & { id: string; type: string; role?: string; content?: { text?: string }[] }

const user = (content: unknown) => ({ role: 'user', content })
const chat = (json: Json, headers: Record<string, string> = ann) =>
  call(service, 'POST', '/v1/chat/completions', { headers, json: { model: 'fake-model', ...json } })
const create = async (json: Json = {}) =>
  (await call(service, 'POST', '/v1/conversations', { headers: ann, json })).json as Json & { id: string }
const get = async (path: string) => (await call(service, 'GET', path, { headers: ann })).json
const itemsOf = async (id: string) => (await get(`/v1/conversations/${id}/items?order=asc`)).data as Item[]
const textsOf = (items: Item[]) => items.map(({ role, content }) => [role, content?.map(({ text }) => text).join('')])
const sentTo = (index = -1) => provider.calls.at(index)!.json.messages

async function stream(json: Json, signal: AbortSignal | null = null): Promise<Response> {
  return fetch(`${service.url}/v1/chat/completions`, {
    method: 'POST',
    headers: ann,
    signal,
    body: JSON.stringify({ model: 'fake-model', stream: true, ...json }),
  })
}

const play = (...pieces: string[]) => {
  provider.onChat = (response) => {
    beginStream(response)
    for (const piece of pieces) response.write(piece)
    response.end()
  }
}

const eventsOf = (text: string) =>
  text.split('\n\n').flatMap((event) => (event.startsWith('data: {') ? [JSON.parse(event.slice(6)) as Json] : []))

describe('memory [L-034 L-036]', () => {
  test('what was said before reaches the model, and what is said now is kept [W-008]', async () => {
    const { id } = await create()
    const first = await chat({ conversation: id, messages: [{ role: 'system', content: 'be kind' }, user('süß 🌍')] })
    expect([first.status, first.json.conversation]).toEqual([200, { id, title: 'süß 🌍' }])
    expect((first.json.choices as Json[])[0]).toMatchObject({ message: { role: 'assistant', content: 'hello' } })
    expect(sentTo()).toEqual([{ role: 'system', content: 'be kind' }, user('süß 🌍')])
    await chat({ conversation: { id, object: 'conversation', created_at: 1 }, messages: [user('and now?')] })
    expect(sentTo()).toEqual([user('süß 🌍'), { role: 'assistant', content: 'hello' }, user('and now?')])
    expect(textsOf(await itemsOf(id))).toEqual([
      ['user', 'süß 🌍'],
      ['assistant', 'hello'],
      ['user', 'and now?'],
      ['assistant', 'hello'],
    ])
    expect(await get(`/v1/conversations/${id}`)).toMatchObject({ title: 'süß 🌍' })
  })

  test('none of our fields goes upstream, nor metadata that is kept here', async () => {
    const { id } = await create()
    const ours = { conversation: id, store: true, store_reasoning: false, metadata: { a: 'b' } }
    await chat({ ...ours, messages: [user('hi')], temperature: 0 })
    expect(provider.calls[0]!.json).toEqual({ model: 'fake-model', messages: [user('hi')], temperature: 0 })
    await chat({ metadata: { a: 'b' }, store: false, messages: [user('hi')] })
    expect(provider.calls[1]!.json).toEqual({ model: 'fake-model', messages: [user('hi')], metadata: { a: 'b' } })
  })

  test('with store: false the model remembers, and nothing is kept', async () => {
    const { id } = await create()
    await chat({ conversation: id, messages: [user('one')] })
    const answer = await chat({ conversation: id, store: false, messages: [user('two')] })
    expect(sentTo()).toHaveLength(3)
    expect(answer.json.conversation).toBeUndefined()
    expect(await itemsOf(id)).toHaveLength(2)
  })

  test.each([
    ['an empty id', ''],
    ['an object without one', {}],
  ])('%s begins a conversation, of its answer', async (_name, conversation) => {
    const failing = await chat({ conversation, model: 'no/such', messages: [user('hi')] })
    expect(failing.status).toBe(404)
    const before = (await get('/v1/conversations?limit=1')).total
    const { json } = await chat({ conversation, messages: [user('a first question')], metadata: { topic: 'x' } })
    const { id, title } = json.conversation as { id: string; title: string }
    expect(title).toBe('a first question')
    expect(await itemsOf(id)).toHaveLength(2)
    expect(await get(`/v1/conversations/${id}`)).toMatchObject({ title, metadata: { topic: 'x' } })
    expect((await get('/v1/conversations?limit=1')).total).toBe((before as number) + 1)
  })

  test('a refused question leaves no conversation, and keeps nothing', async () => {
    const { id } = await create()
    provider.onChat = (response) => sendJson(response, 400, { error: { message: 'no' } })
    expect((await chat({ conversation: id, messages: [user('hi')] })).status).toBe(400)
    expect(await itemsOf(id)).toEqual([])
  })

  test('a referrer alone begins one too', async () => {
    const answer = await call(service, 'POST', '/v1/chat/completions?referrer=jan-app', {
      headers: ann,
      json: { model: 'fake-model', messages: [user('hi')] },
    })
    const { id } = answer.json.conversation as { id: string }
    expect(await get(`/v1/conversations/${id}`)).toMatchObject({ referrer: 'jan-app' })
  })

  test("somebody else's conversation is 404, and no model hears of it [L-057]", async () => {
    const { id } = await create()
    const bob = await service.as('bob')
    expect((await chat({ conversation: id, messages: [user('hi')] }, bob)).status).toBe(404)
    expect((await chat({ conversation: 'conv_0000000000000000', messages: [user('hi')] })).status).toBe(404)
    expect(provider.calls).toHaveLength(0)
  })

  test('who sends the whole history again doubles nothing', async () => {
    const { id } = await create()
    await chat({ conversation: id, messages: [user('one')] })
    const all = [user('one'), { role: 'assistant', content: 'hello' }, user('two')]
    await chat({ conversation: id, messages: all })
    expect(sentTo()).toEqual(all)
    expect(await itemsOf(id)).toHaveLength(4)
  })
})

describe('streams [L-036]', () => {
  test('are kept before [DONE] is said, and tell of the conversation', async () => {
    const { id } = await create()
    play(chunk('süß '), chunk('🌍'), chunk('', 'stop'), 'data: [DONE]\n\n')
    const text = await (await stream({ conversation: id, messages: [user('hi')] })).text()
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
    expect(eventsOf(text).at(-1)).toMatchObject({ choices: [], conversation: { id, title: 'hi' } })
    expect(textsOf(await itemsOf(id))).toEqual([
      ['user', 'hi'],
      ['assistant', 'süß 🌍'],
    ])
  })

  test('calls of tools are kept, whatever the order of their fragments', async () => {
    const { id } = await create()
    const fragment = (index: number, more: Json) =>
      `data: ${JSON.stringify({ choices: [{ index: 0, delta: { tool_calls: [{ index, ...more }] } }] })}\n\n`
    play(
      fragment(0, { id: 'a', type: 'function', function: { name: 'f', arguments: '' } }),
      fragment(1, { id: 'b', type: 'function', function: { name: 'g', arguments: '' } }),
      fragment(0, { function: { arguments: '{"x"' } }),
      fragment(1, { function: { arguments: '' } }),
      fragment(0, { function: { arguments: ':1}' } }),
      chunk('', 'tool_calls'),
    )
    await (await stream({ conversation: id, messages: [user('do it')] })).text()
    const [, ...calls] = await itemsOf(id)
    expect(calls).toMatchObject([
      { type: 'function_call', call_id: 'a', name: 'f', arguments: '{"x":1}' },
      { type: 'function_call', call_id: 'b', name: 'g', arguments: '' },
    ])
    play(chunk('done', 'stop'))
    const outputs = ['a', 'b'].map((call) => ({ role: 'tool', tool_call_id: call, content: `of ${call}` }))
    await (await stream({ conversation: id, messages: outputs })).text()
    expect(sentTo()).toMatchObject([
      user('do it'),
      { role: 'assistant', tool_calls: [{ id: 'a' }, { id: 'b' }] },
      ...outputs,
    ])
  })

  test('what broke off is kept as far as it came', async () => {
    const { id } = await create()
    play(chunk('half an '))
    const text = await (await stream({ conversation: id, messages: [user('hi')] })).text()
    expect(text).toContain('event: error')
    const [, answer] = await itemsOf(id)
    expect(answer).toMatchObject({ role: 'assistant', status: 'incomplete', content: [{ text: 'half an ' }] })
  })

  test('what came before the client left is kept', async () => {
    const { id } = await create()
    provider.onChat = (response) => {
      beginStream(response)
      response.write(chunk('half'))
    }
    const leaving = new AbortController()
    const reader = (await stream({ conversation: id, messages: [user('hi')] }, leaving.signal)).body!.getReader()
    await reader.read()
    leaving.abort()
    await provider.calls[0]!.left
    let items = await itemsOf(id)
    while (items.length === 0) items = await itemsOf(id)
    expect(textsOf(items)).toEqual([
      ['user', 'hi'],
      ['assistant', 'half'],
    ])
  })
})

test('reasoning is kept when that is asked for', async () => {
  const { id } = await create()
  const answer = {
    ...completion('4'),
    choices: [
      { index: 0, message: { role: 'assistant', content: '4', reasoning_content: '2+2' }, finish_reason: 'stop' },
    ],
  }
  provider.onChat = (response) => sendJson(response, 200, answer)
  await chat({ conversation: id, store_reasoning: true, messages: [user('2+2?')] })
  expect((await itemsOf(id)).map(({ type }) => type)).toEqual(['message', 'reasoning', 'message'])
})

describe('instructions [L-035 L-059]', () => {
  test('of the project of a conversation are given to the model, and are gone with it [W-009]', async () => {
    const project = await call(service, 'POST', '/v1/projects', {
      headers: ann,
      json: { name: 'p', instruction: 'Speak French' },
    })
    const { id } = await create({ project_id: project.json.id })
    await chat({ conversation: id, messages: [user('hi')] })
    expect(sentTo()).toEqual([{ role: 'system', content: 'Speak French' }, user('hi')])
    await call(service, 'DELETE', `/v1/projects/${project.json.id}`, { headers: ann })
    await chat({ conversation: id, messages: [user('more')] })
    expect(sentTo()).toEqual([user('hi'), { role: 'assistant', content: 'hello' }, user('more')])
  })

  test.each(['assistant_id', 'model'])('of an assistant, by its id as %s', async (field) => {
    const made = await call(service, 'POST', '/v1/assistants', {
      headers: ann,
      json: { name: 'tutor', model: 'fake-model', instructions: 'Be brief', temperature: 0.1 },
    })
    const answer = await call(service, 'POST', '/v1/chat/completions', {
      headers: ann,
      json: { [field]: made.json.id, messages: [user('hi')] },
    })
    expect(answer.status).toBe(200)
    expect(provider.calls[0]!.json).toEqual({
      model: 'fake-model',
      temperature: 0.1,
      messages: [{ role: 'system', content: 'Be brief' }, user('hi')],
    })
    const bob = await service.as('bob')
    expect((await chat({ [field]: made.json.id, messages: [user('hi')] }, bob)).status).toBe(404)
  })
})

describe('an Idempotency-Key [L-045]', () => {
  test.each([
    ['', false],
    [' as a stream', true],
  ])('makes one exchange of two requests, and tells it again%s', async (_name, isStream) => {
    const { id } = await create()
    if (isStream) play(chunk('once'), chunk('', 'stop'))
    else provider.onChat = (response) => sendJson(response, 200, completion('once'))
    const send = () =>
      fetch(`${service.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { ...ann, 'idempotency-key': `key-${id}` },
        body: JSON.stringify({ model: 'fake-model', stream: isStream, conversation: id, messages: [user('hi')] }),
      })
    const first = await (await send()).text()
    let again = await send()
    // It is settled a moment after its last byte.
    while (again.status === 409) again = await send()
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([200, 'true'])
    const text = await again.text()
    for (const each of [first, text]) expect(each).toContain('"content":"once"')
    if (isStream) expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
    expect(provider.calls).toHaveLength(1)
    expect(await itemsOf(id)).toHaveLength(2)
  })

  test('of what is not kept means nothing', async () => {
    for (let count = 0; count < 2; count += 1)
      await chat({ messages: [user('hi')] }, { ...ann, 'idempotency-key': 'same' })
    expect(provider.calls).toHaveLength(2)
  })
})
