import { readFileSync } from 'node:fs'
import { beforeAll, expect, test } from '@jest/globals'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { at, eventsOf, get, guestToken, type Json, post } from '../platform.ts'

const example = (name: string) => readFileSync(new URL(`../../examples/${name}`, import.meta.url))
const png = example('chart.png')
const dataUrl = `data:image/png;base64,${png.toString('base64')}`

let token: string
beforeAll(async () => {
  token = await guestToken()
})

const upload = async () =>
  (
    await post(
      at('gateway', '/v1/media'),
      { source: { type: 'data_url', data_url: dataUrl }, filename: 'chart.png' },
      token,
    )
  ).body

test.each(['/auth/guest-login', '/auth/guest', '/llm/auth/guest-login'])(
  '%s gives a guest a token of the realm [H-15 P-012 P-030]',
  async (path) => {
    const { status, body } = await post(at('gateway', path), {})
    expect(status).toBe(201)
    expect(body).toEqual({
      user_id: expect.any(String),
      username: expect.stringMatching(/^guest-/),
      principal_id: body.user_id,
      access_token: expect.any(String),
      refresh_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 3600,
    })
    expect(decodeProtectedHeader(body.access_token)).toMatchObject({ alg: 'RS256', kid: expect.any(String) })
    expect(decodeJwt(body.access_token)).toMatchObject({
      iss: at('identity', '/realms/jan'),
      sub: body.user_id,
      guest: 'true',
      realm_access: { roles: ['guest'] },
    })
  },
)

test('a refresh token gives new tokens, and me says who one is', async () => {
  const guest = (await post(at('gateway', '/auth/guest-login'), {})).body
  const fresh = await post(at('gateway', '/auth/refresh-token'), { refresh_token: guest.refresh_token })
  expect([fresh.status, fresh.body.token_type, typeof fresh.body.refresh_token]).toEqual([200, 'Bearer', 'string'])
  expect((await get(at('gateway', '/auth/me'), fresh.body.access_token)).body).toMatchObject({
    id: guest.user_id,
    is_guest: true,
    roles: ['guest'],
  })
})

test.each(['/v1/media', '/media/v1/media'])('%s takes an image, once [H-16 P-030]', async (path) => {
  const body = { source: { type: 'data_url', data_url: dataUrl } }
  const [first, again] = [await post(at('gateway', path), body, token), await post(at('gateway', path), body, token)]
  expect(first.body).toMatchObject({
    id: expect.stringMatching(/^jan_[0-9a-hjkmnp-tv-z]{26}$/),
    mime: 'image/png',
    bytes: png.length,
    deduped: expect.any(Boolean),
    presigned_url: expect.any(String),
  })
  expect(again.body).toMatchObject({ id: first.body.id, deduped: true })
  expect(Buffer.from(await (await fetch(first.body.presigned_url)).arrayBuffer()).equals(png)).toBe(true)
})

test.each<[string, (id: string) => unknown]>([
  ['its bare id', (id) => ({ url: id })],
  ['a placeholder', (id) => ({ url: `data:image/png;${id}` })],
])('chat shows the model an image given by %s, streaming and not [H-17 H-18 P-014]', async (_name, imageUrl) => {
  const { id } = await upload()
  const ask = {
    model: 'jan-v1-4b',
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is in this image?' },
          { type: 'image_url', image_url: imageUrl(id) },
        ],
      },
    ],
  }
  const whole = await post(at('gateway', '/v1/chat/completions'), ask, token)
  expect(whole.body).toMatchObject({
    object: 'chat.completion',
    model: 'jan-simulator',
    choices: [{ message: { role: 'assistant', content: expect.stringMatching(/PNG.*320.*200/) } }],
    usage: { total_tokens: expect.any(Number) },
  })
  const stream = eventsOf((await post(at('gateway', '/v1/chat/completions'), { ...ask, stream: true }, token)).body)
  expect(stream.at(-1)!.data).toBe('[DONE]')
  const text = stream
    .slice(0, -1)
    .map(({ data }) => data.choices[0]?.delta.content ?? '')
    .join('')
  expect(text).toBe(whole.body.choices[0].message.content)
})

test('a fact told earlier is known later in the same conversation', async () => {
  const messages = [
    { role: 'user', content: 'My name is Ada.' },
    { role: 'assistant', content: 'Hello.' },
    { role: 'user', content: 'What is my name?' },
  ]
  expect(
    (await post(at('gateway', '/v1/chat/completions'), { model: 'jan-simulator', messages }, token)).body.choices[0]
      .message.content,
  ).toContain('Ada')
})

test.each(['/v1/responses', '/responses/v1/responses'])(
  '%s runs tools on the server and streams what happens [H-19 H-20 H-21 P-030]',
  async (path) => {
    const input = `Search for open source LLM servers, scrape ${at('examples', '/release-notes.html')} and run python to analyse this CSV:\n\`\`\`csv\n${example('sales.csv')}\`\`\``
    const events = eventsOf((await post(at('gateway', path), { model: 'jan-v1-4b', input, stream: true }, token)).body)
    expect(events.pop()!.data).toBe('[DONE]')
    expect(events.map(({ data }) => data.sequence_number)).toEqual(events.map((_event, index) => index))
    expect(events.every(({ event, data }) => event === data.type)).toBe(true)
    expect(events.slice(0, 2).map(({ event }) => event)).toEqual(['response.created', 'response.in_progress'])
    const last = events.at(-1)!
    expect(last.event).toBe('response.completed')
    const { response } = last.data
    const calls = response.output.filter((item: Json) => item.type === 'mcp_call')
    expect(calls.map((item: Json) => [item.name, item.status, item.error]).sort()).toEqual([
      ['google_search', 'completed', null],
      ['python_exec', 'completed', null],
      ['scrape', 'completed', null],
    ])
    expect(calls.find((item: Json) => item.name === 'scrape').output).toContain('Harbour 4.2')
    expect(calls.find((item: Json) => item.name === 'python_exec').output).toContain('833')
    expect(response.output.at(-1)).toMatchObject({
      type: 'message',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: expect.any(String) }],
    })
    expect(response.jan).toMatchObject({
      depth: 2,
      duration_ms: expect.any(Number),
      tool_executions: expect.any(Array),
    })
    const stored = await get(at('gateway', `/v1/responses/${response.id}`), token)
    expect(stored.body.output).toEqual(response.output)
    expect((await get(at('gateway', `/v1/responses/${response.id}/input_items`), token)).body).toMatchObject({
      object: 'list',
      data: [{ type: 'message', role: 'user' }],
      has_more: false,
    })
  },
  60_000,
)

test('one answer tells of the tools as the stream does [P-014]', async () => {
  const { status, body } = await post(
    at('gateway', '/v1/responses'),
    { model: 'gpt-4o-mini', input: 'Run python: 6*7' },
    token,
  )
  expect([status, body.status, body.model, body.error]).toEqual([200, 'completed', 'jan-simulator', null])
  expect(body.output.map((item: Json) => item.type)).toEqual(['mcp_call', 'message'])
  expect(body.output[0].output).toContain('42')
}, 60_000)

test('nobody sees what another made [H-82]', async () => {
  const other = await guestToken()
  const { id } = await upload()
  const run = (await post(at('gateway', '/v1/responses'), { model: 'jan-v1-4b', input: 'Hello' }, token)).body
  const asked = await Promise.all([
    get(at('gateway', `/v1/media/${id}`), other),
    get(at('gateway', `/v1/media/${id}/presign`), other),
    post(at('gateway', '/v1/media/resolve'), { ids: [id] }, other),
    get(at('gateway', `/v1/responses/${run.id}`), other),
    get(at('gateway', `/v1/responses/${run.id}/input_items`), other),
    post(at('gateway', '/v1/responses'), { model: 'jan-v1-4b', input: 'Hi', previous_response_id: run.id }, other),
    post(
      at('gateway', '/v1/chat/completions'),
      { model: 'jan-v1-4b', messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: id } }] }] },
      other,
    ),
  ])
  expect(asked.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404, 404, 404])
})

test('a run goes on from the one before', async () => {
  const first = (
    await post(at('gateway', '/v1/responses'), { model: 'jan-v1-4b', input: 'My name is Ada.', tools: [] }, token)
  ).body
  const second = (
    await post(
      at('gateway', '/v1/responses'),
      { model: 'jan-v1-4b', input: 'What is my name?', tools: [], previous_response_id: first.id },
      token,
    )
  ).body
  expect(second.output[0].content[0].text).toContain('Ada')
})

test('models are listed, and the simulator says what it is [H-26 P-014]', async () => {
  const { body } = await get(at('gateway', '/v1/models'), token)
  expect(body.data.map((model: Json) => model.id)).toEqual(
    expect.arrayContaining(['jan-simulator', 'jan-v1-4b', 'gpt-4o-mini']),
  )
  expect(body.data.every((model: Json) => /simulator/.test(model.owned_by))).toBe(true)
})
