import { describe, expect, test } from '@jest/globals'
import OpenAI from 'openai'
import { type ErrorBody, readEvents, startSimulator, type Usage } from '../test/simulator-client.ts'

type TextCompletion = {
  id: string
  object: string
  choices: { index: number; text: string; logprobs: null; finish_reason: string | null }[]
  usage?: Usage | null
}
const script = [{ text: 'alpha beta gamma' }]
const model = 'jan-simulator'

describe('legacy completions [H-61]', () => {
  async function complete(fields: object, options = {}) {
    await using simulator = await startSimulator(options)
    const response = await simulator.post('/v1/completions', { model, prompt: 'Say it', ...fields })
    return (await response.json()) as TextCompletion
  }

  test('have their shape, their usage, and OpenAI’s limit where none is set', async () => {
    expect(await complete({}, { script, now: () => 5_999 })).toEqual({
      id: expect.stringMatching(/^cmpl-/),
      object: 'text_completion',
      created: 5,
      model,
      choices: [{ index: 0, text: 'alpha beta gamma', logprobs: null, finish_reason: 'stop' }],
      usage: { prompt_tokens: 4, completion_tokens: 4, total_tokens: 8 },
    })
    const cut = await complete({}, { script: [{ text: 'x'.repeat(100) }] })
    expect(cut.choices[0]).toMatchObject({ text: 'x'.repeat(64), finish_reason: 'length' })
  })

  test('stop where they shall, and answer each prompt n times', async () => {
    const { choices } = await complete({ prompt: ['one', 'two'], n: 2, stop: ['two'], max_tokens: 100 })
    expect(choices.map(({ index, text }) => [index, /^You said "(one)?/.exec(text)?.[1]])).toEqual([
      [0, 'one'],
      [1, 'one'],
      [2, undefined],
      [3, undefined],
    ])
    expect(choices[2]?.text).toBe('You said "')
  })

  test('are streamed, with their usage when it is asked for', async () => {
    await using simulator = await startSimulator({ script })
    const fields = { model, prompt: 'Say it', n: 2, stream: true, stream_options: { include_usage: true } }
    const events = await readEvents(await simulator.post('/v1/completions', fields))
    expect(events.pop()).toBe('[DONE]')
    const chunks = events.map((data) => JSON.parse(data) as TextCompletion)
    expect(chunks.pop()).toMatchObject({ choices: [], usage: { completion_tokens: 8 } })
    const second = chunks.flatMap(({ choices }) => choices).filter(({ index }) => index === 1)
    expect(second.map(({ text, finish_reason: finish }) => [text, finish])).toEqual([
      ['alpha', null],
      [' beta', null],
      [' gamma', null],
      ['', 'stop'],
    ])
  })

  test('break as a script says', async () => {
    await using simulator = await startSimulator({ script: [{ ...script[0], fault: 'no_done' }] })
    const events = await readEvents(await simulator.post('/v1/completions', { model, prompt: 'x', stream: true }))
    expect(events.at(-1)).toContain('"finish_reason":"stop"')
  })

  test.each([[{ echo: true }], [{ logprobs: 2 }], [{ suffix: 'x' }], [{ prompt: [1, 2] }], [{ prompt: undefined }]])(
    'refuse %j',
    async (fields) => {
      await using simulator = await startSimulator()
      const response = await simulator.post('/v1/completions', { model, prompt: 'Say it', ...fields })
      const { error } = (await response.json()) as ErrorBody
      expect([response.status, error.message.split(':')[0]]).toEqual([400, Object.keys(fields)[0]])
    },
  )

  test('are read by the official client', async () => {
    await using simulator = await startSimulator({ script })
    const client = new OpenAI({ baseURL: `${simulator.url}/v1`, apiKey: 'none' })
    expect((await client.completions.create({ model, prompt: 'Say it' })).choices[0]?.text).toBe('alpha beta gamma')
    let text = ''
    for await (const { choices } of await client.completions.create({ model, prompt: 'Say it', stream: true }))
      text += choices[0]?.text ?? ''
    expect(text).toBe('alpha beta gamma')
  })
})

describe('reranking [H-61]', () => {
  const documents = ['stock prices', 'a cat sat', { text: 'the cat sat here' }]
  const ask = async (fields: object) => {
    await using simulator = await startSimulator()
    const response = await simulator.post('/v1/rerank', { model, query: 'where a cat sat', documents, ...fields })
    return { status: response.status, body: (await response.json()) as { results: object[]; usage: Usage } }
  }

  test('puts first what shares most words with the query', async () => {
    const { body } = await ask({})
    expect(body).toMatchObject({
      results: [{ index: 1, document: { text: 'a cat sat' } }, { index: 2 }, { index: 0, relevance_score: 0 }],
      usage: { prompt_tokens: 13, total_tokens: 13 },
    })
    const { body: short } = await ask({ top_n: 1, return_documents: false })
    expect(short.results).toEqual([{ index: 1, relevance_score: expect.closeTo(0.866, 2) }])
  })

  test.each([[{ query: '' }], [{ documents: [] }], [{ top_n: 0 }]])('refuses %j', async (fields) => {
    expect((await ask(fields)).status).toBe(400)
  })
})

test('a moderation flags the categories that a text names [H-61]', async () => {
  await using simulator = await startSimulator()
  const client = new OpenAI({ baseURL: `${simulator.url}/v1`, apiKey: 'none' })
  const { results } = await client.moderations.create({ model, input: ['Tulips', 'A word on Violence'] })
  expect(results.map(({ flagged }) => flagged)).toEqual([false, true])
  expect(results[1]).toMatchObject({ categories: { violence: true, 'violence/graphic': false, hate: false } })
  expect(Object.keys(results[0]?.category_scores ?? {})).toHaveLength(13)
  expect((await simulator.post('/v1/moderations', { model, input: [] })).status).toBe(400)
})
