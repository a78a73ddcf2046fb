import { describe, expect, test } from '@jest/globals'
import { parseChunk, readEvents, startSimulator, until, user } from '../test/simulator-client.ts'

const text = 'one two three four five six seven'
const model = 'jan-simulator'
const usageIn = (event: string | undefined) => parseChunk(event ?? '').usage

describe('what was sent is counted', () => {
  test('as the answers say it themselves, whole and streamed, over all choices', async () => {
    await using simulator = await startSimulator()
    const options = { stream: true, stream_options: { include_usage: true } }
    const told = [
      (await simulator.complete({ n: 2 }, [{ text }])).usage,
      usageIn((await readEvents(await simulator.chat(options, [{ text }]))).at(-2)),
      (await simulator.complete({}, [{ tool_calls: [{ name: 'a', arguments: { b: 'c' } }] }])).usage,
    ]
    const embedded = await simulator.post('/v1/embeddings', { model, input: 'hello world' })
    const ranked = await simulator.post('/v1/rerank', { model, query: 'a', documents: ['b'] })
    const completed = await simulator.post('/v1/completions', { model, prompt: 'x' })
    const all = [...told, ...(await Promise.all([embedded, ranked, completed].map(usageOf)))]
    const { requests } = await simulator.log()
    expect(requests.map(({ usage }) => usage)).toEqual(all.map((usage) => ({ completion_tokens: 0, ...usage })))
    const sum = (name: 'prompt_tokens' | 'completion_tokens' | 'total_tokens') =>
      all.reduce((total, usage) => total + (usage?.[name] ?? 0), 0)
    expect(await simulator.totals()).toEqual({
      answered: 6,
      prompt_tokens: sum('prompt_tokens'),
      completion_tokens: sum('completion_tokens'),
      total_tokens: sum('total_tokens'),
    })
  })

  const usageOf = async (response: Response) =>
    ((await response.json()) as { usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number } })
      .usage

  test('up to where a client cuts the stream off', async () => {
    await using simulator = await startSimulator()
    const leaving = new AbortController()
    const turn = { text, fault: 'hang', after_chunks: 4 }
    const response = await simulator.chat({ stream: true }, [turn], leaving.signal)
    await response.body?.getReader().read()
    await until(simulator.totals, ({ completion_tokens }) => completion_tokens > 0)
    leaving.abort()
    const { requests } = await until(simulator.log, ({ in_flight }) => in_flight === 0)
    const completion_tokens = Math.ceil('one two three'.length / 4)
    expect(requests).toMatchObject([{ cut_off: true, usage: { completion_tokens } }])
    expect(await simulator.totals()).toMatchObject({ answered: 1, completion_tokens })
  })

  test('up to where a fault breaks the stream', async () => {
    await using simulator = await startSimulator()
    for (const fault of ['truncate', 'error_event', 'reset'])
      await (await simulator.chat({ stream: true }, [{ text, fault, after_chunks: 2 }])).text().catch(() => undefined)
    const { requests } = await until(simulator.log, ({ in_flight }) => in_flight === 0)
    expect(requests.map(({ usage }) => usage.completion_tokens)).toEqual([1, 1, 1])
  })

  test('but not of what was refused, or not begun when the client left', async () => {
    await using simulator = await startSimulator()
    await simulator.chat({}, [{ status: 429 }])
    await simulator.chat({ messages: [] })
    await simulator.post('/v1/embeddings', { model, input: '' })
    const leaving = new AbortController()
    const late = simulator.chat({}, [{ text, delay_ms: 60_000 }], leaving.signal)
    await until(simulator.log, ({ in_flight }) => in_flight === 1)
    leaving.abort()
    await expect(late).rejects.toThrow()
    await until(simulator.log, ({ in_flight }) => in_flight === 0)
    expect(await simulator.totals()).toEqual({ answered: 0, prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 })
  })

  test('a prompt that was read costs, also when nothing of the answer could be sent', async () => {
    await using simulator = await startSimulator()
    await simulator.chat({}, [{ fault: 'reset' }]).catch(() => undefined)
    const { prompt_tokens, completion_tokens } = await simulator.totals()
    expect([prompt_tokens > 0, completion_tokens]).toEqual([true, 0])
  })

  test('of every request, the remembered and the forgotten, until it is deleted', async () => {
    await using simulator = await startSimulator({ script: [{ text }] })
    await Promise.all([...Array(120).keys()].map(() => simulator.complete({})))
    expect((await simulator.log()).requests).toHaveLength(100)
    const completion_tokens = 120 * Math.ceil(text.length / 4)
    expect(await simulator.totals()).toMatchObject({ answered: 120, completion_tokens })
    for (const path of ['usage', 'requests']) {
      await simulator.complete({})
      await fetch(`${simulator.url}/simulator/${path}`, { method: 'DELETE' })
      expect([await simulator.totals(), (await simulator.log()).requests]).toMatchObject([
        { answered: 0, total_tokens: 0 },
        [],
      ])
    }
  })

  test('a prompt by all that was sent of its messages and tools', async () => {
    await using simulator = await startSimulator()
    const messages = [{ ...user('Hi'), name: 'ann' }]
    const tools = [{ type: 'function', function: { name: 'a', description: 'what it does' } }]
    const { usage } = await simulator.complete({ messages, tools })
    expect(usage.prompt_tokens).toBe(Math.ceil(JSON.stringify([messages, tools]).length / 4))
  })
})

describe('continuous_usage_stats, as vLLM has it', () => {
  const chunksOf = async (options: object) => {
    await using simulator = await startSimulator()
    const events = await readEvents(await simulator.chat({ stream: true, stream_options: options }, [{ text }]))
    return events.slice(0, -1).map(usageIn)
  }

  test('tells in every chunk what was used so far', async () => {
    const usages = await chunksOf({ include_usage: true, continuous_usage_stats: true })
    const counts = usages.map((usage) => usage?.completion_tokens)
    const words = text.match(/\s*\S+/g) ?? []
    const sofar = words.map((_, at) => Math.ceil(words.slice(0, at + 1).join('').length / 4))
    expect(counts).toEqual([0, ...sofar, sofar.at(-1), sofar.at(-1)])
    expect(new Set(usages.map((usage) => usage?.prompt_tokens)).size).toBe(1)
  })

  test('is nothing without include_usage', async () => {
    expect(new Set(await chunksOf({ continuous_usage_stats: true }))).toEqual(new Set([undefined]))
  })
})
