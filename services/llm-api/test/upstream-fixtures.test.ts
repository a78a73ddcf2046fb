import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { call } from './boot.ts'
import { events } from './fixtures/any-provider.ts'
import { lateError, type ManyModels, startManyModels } from './fixtures/many-models.ts'
import { readStream } from './fixtures/read-stream.ts'

/** Streams as providers publish them: test/fixtures/streams, none of them recorded. */
let many: ManyModels
beforeAll(async () => {
  many = await startManyModels()
})
beforeEach(() => {
  many.provider.calls.length = 0
})
afterAll(() => many.close())

type Provider = {
  name: string
  /** Prompt and completion, cached and reasoning tokens. */
  tokens: [number, number, number, number]
  text?: string
  reasoning?: string
  calls?: [string, string][]
}
const TEXT = { text: 'Grüße 👋' }
const THOUGHT = { reasoning: 'Let me think.' }
const PROVIDERS: Provider[] = [
  { name: 'openai', tokens: [19, 5, 16, 0], ...TEXT },
  {
    name: 'openai-tools',
    tokens: [82, 34, 0, 0],
    calls: [
      ['get_weather', '{"city":"Zürich"}'],
      ['get_tides', '{"port":"Lisbon"}'],
    ],
  },
  { name: 'vllm', tokens: [12, 19, 8, 0], ...TEXT, ...THOUGHT },
  { name: 'llama-cpp', tokens: [11, 4, 0, 0], ...TEXT },
  { name: 'openrouter', tokens: [14, 9, 0, 3], ...TEXT, ...THOUGHT },
  { name: 'anthropic', tokens: [17, 6, 0, 0], ...TEXT },
  { name: 'google', tokens: [10, 14, 0, 0], ...TEXT, calls: [['get_weather', '{"city":"Zürich"}']] },
  { name: 'ollama', tokens: [13, 21, 0, 0], ...TEXT, ...THOUGHT },
  { name: 'deepseek', tokens: [17, 25, 0, 18], ...TEXT, ...THOUGHT },
  { name: 'mistral', tokens: [9, 11, 0, 0], ...TEXT },
]

const inPieces = (text: string, size: number) => {
  const bytes = Buffer.from(text)
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size))
}
async function stream(pieces: (string | Uint8Array)[], more: Record<string, unknown> = {}) {
  many.provider.onCall = events(...pieces)
  const model = many.fresh()
  const answer = await many.chat(model, { stream: true, ...more })
  return { model, text: Buffer.from(await answer.arrayBuffer()).toString() }
}

describe.each(PROVIDERS)('$name', ({ name, tokens: [prompt, completion, cached, reasoned], ...said }) => {
  const whole = readStream(name)
  const asked = { stream_options: { include_usage: true } }

  test.each([1, 7, 1_000_000])(
    'arrives byte for byte in pieces of %i, and is billed as it says [L-031 L-033]',
    async (size) => {
      const { model, text } = await stream(inPieces(whole, size), asked)
      expect(text).toBe(whole)
      expect(await many.ledger(model)).toMatchObject([
        {
          outcome: 'ok',
          is_estimated: false,
          prompt_tokens: prompt,
          completion_tokens: completion,
          cached_tokens: cached,
          reasoning_tokens: reasoned,
        },
      ])
    },
  )

  test('without its end mark, and in lines that end in CRLF, it is as whole [L-031 L-042 W-011]', async () => {
    const crlf = whole.replaceAll('\n', '\r\n')
    expect((await stream([crlf], asked)).text).toBe(crlf)
    expect((await stream([whole.replace('data: [DONE]\n\n', '')], asked)).text).toBe(whole)
  })

  test('usage that nobody asked for is taken out, where it stands alone [L-033]', async () => {
    const shown = whole
      .split(/(?<=\n\n)/)
      .filter(
        (event) =>
          !(event.includes('"usage":{') && event.includes('"choices":[],')) && !/"choices":\[\],"usage":\{/.test(event),
      )
    expect((await stream([whole])).text).toBe(shown.join(''))
  })

  test('broken off after any event, it ends in an error and never in [DONE] [L-031]', async () => {
    const all = whole.split(/(?<=\n\n)/)
    const last = all.findIndex((event) => /"finish_reason":"/.test(event))
    for (let count = 1; count <= last; count += 1) {
      const { model, text } = await stream(all.slice(0, count), asked)
      lateError(text)
      expect(text.startsWith(all.slice(0, count).join(''))).toBe(true)
      expect(await many.ledger(model)).toMatchObject([{ outcome: 'failed' }])
    }
  })

  test('what was said is kept in a conversation [L-036 W-012]', async () => {
    const { text } = await stream([whole], { conversation: '', store_reasoning: true })
    const [, id] = /"conversation":\{"id":"(conv_\w+)"/.exec(text) ?? []
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
    const { json } = await call(many.service, 'GET', `/v1/conversations/${id}/items?order=asc`, { headers: many.ann })
    const items = json.data as {
      type: string
      role?: string
      name?: string
      arguments?: string
      content?: { text: string }[]
    }[]
    const textsOf = (type: string, role?: string) =>
      items
        .find((item) => item.type === type && item.role === role)
        ?.content?.map((part) => part.text)
        .join('')
    const calls = items.flatMap((item) => (item.type === 'function_call' ? [[item.name, item.arguments]] : []))
    expect({
      text: textsOf('message', 'assistant'),
      reasoning: textsOf('reasoning'),
      calls,
    }).toEqual({ text: said.text, reasoning: said.reasoning, calls: said.calls ?? [] })
  })
})

test("OpenRouter's failure in the middle is told in its own words, and nothing makes a whole answer of it [L-031 L-042]", async () => {
  const whole = readStream('openrouter-error')
  const { model, text } = await stream([whole])
  expect(text).toBe(whole)
  expect(await many.ledger(model)).toMatchObject([{ outcome: 'failed', status: 502 }])
  const kept = await stream([whole], { conversation: '' })
  expect(kept.text).toBe(whole)
})
