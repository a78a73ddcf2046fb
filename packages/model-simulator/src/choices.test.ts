import { describe, expect, test } from '@jest/globals'
import { type Logprobs, parseChunk, readEvents, startSimulator } from '../test/simulator-client.ts'

const said = 'alpha beta gamma'
const script = [{ text: said }]
const chunksOf = async (response: Response) => (await readEvents(response)).slice(0, -1).map(parseChunk)

describe('a stop sequence [H-61]', () => {
  test.each<[unknown, string]>([
    ['beta', 'alpha '],
    [['gamma', 'beta'], 'alpha '],
    [['delta'], said],
    [null, said],
    ['alpha', ''],
  ])('%j leaves what stands before it: %j', async (stop, left) => {
    await using simulator = await startSimulator({ script })
    const { choices, usage } = await simulator.complete({ stop })
    expect(choices[0]).toMatchObject({ message: { content: left }, finish_reason: 'stop' })
    expect(usage.completion_tokens).toBe(Math.ceil(left.length / 4))
    const chunks = await chunksOf(await simulator.chat({ stop, stream: true }))
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe(left)
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop')
  })

  test('that would come after the limit is no reason', async () => {
    await using simulator = await startSimulator({ script })
    const { choices } = await simulator.complete({ stop: 'gamma', max_tokens: 1 })
    expect(choices[0]).toMatchObject({ message: { content: 'alph' }, finish_reason: 'length' })
  })

  test('in the text ends the answer before its tool calls', async () => {
    await using simulator = await startSimulator({
      script: [{ text: said, tool_calls: [{ name: 'a', arguments: {} }] }],
    })
    const whole = await simulator.complete({})
    expect(whole.choices[0]).toMatchObject({ finish_reason: 'tool_calls', message: { content: said } })
    const stopped = await simulator.complete({ stop: 'beta' })
    expect(stopped.choices[0]?.finish_reason).toBe('stop')
    expect(stopped.choices[0]?.message).not.toHaveProperty('tool_calls')
  })
})

test('a limit cuts no character in two', async () => {
  await using simulator = await startSimulator({ script: [{ text: 'abc🙂🙂' }] })
  const { choices } = await simulator.complete({ max_tokens: 1 })
  expect(choices[0]?.message.content).toBe('abc')
})

describe('several choices [H-61]', () => {
  const calling = [{ tool_calls: [{ name: 'a', arguments: { b: 'long enough for two pieces' } }] }]

  test('have their indexes, and all of them cost', async () => {
    await using simulator = await startSimulator({ script })
    const { choices, usage } = await simulator.complete({ n: 3 })
    expect(choices.map(({ index, message }) => [index, message.content])).toEqual([
      [0, said],
      [1, said],
      [2, said],
    ])
    expect(usage.completion_tokens).toBe((3 * said.length) / 4)
  })

  test('come interleaved in a stream', async () => {
    await using simulator = await startSimulator({ script })
    const chunks = await chunksOf(await simulator.chat({ n: 2, stream: true, stream_options: { include_usage: true } }))
    const usage = chunks.pop()?.usage
    expect(chunks.slice(0, 4).map((chunk) => chunk.choices[0]?.index)).toEqual([0, 1, 0, 1])
    for (const index of [0, 1]) {
      const own = chunks.flatMap(({ choices }) => choices).filter((choice) => choice.index === index)
      expect(own.map(({ delta }) => delta.content ?? '').join('')).toBe(said)
      expect(own.at(-1)?.finish_reason).toBe('stop')
    }
    expect(usage?.completion_tokens).toBe((2 * said.length) / 4)
  })

  test('give each tool call its own id, the same in both forms', async () => {
    await using simulator = await startSimulator({ script: calling })
    const { choices } = await simulator.complete({ n: 2 })
    const ids = choices.flatMap(({ message }) => message.tool_calls?.map(({ id }) => id) ?? [])
    expect(new Set(ids).size).toBe(2)
    const chunks = await chunksOf(await simulator.chat({ n: 2, stream: true }))
    const streamed = chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls?.flatMap(({ id }) => id ?? []) ?? [])
    expect(streamed.map((id) => id.split('_').at(-1))).toEqual(ids.map((id) => id.split('_').at(-1)))
  })
})

describe('logprobs [H-61]', () => {
  test('stand beside each piece, the same in both forms', async () => {
    await using simulator = await startSimulator({ script: [{ text: 'Grüße 🙂' }] })
    const fields = { logprobs: true, top_logprobs: 3 }
    const whole = (await simulator.complete(fields)).choices[0]?.logprobs as Logprobs
    expect(whole.content.map(({ token }) => token)).toEqual(['Grüße', ' 🙂'])
    for (const { token, logprob, bytes, top_logprobs: top } of whole.content) {
      expect(Buffer.from(bytes).toString()).toBe(token)
      expect(top).toHaveLength(3)
      expect(top[0]).toEqual({ token, logprob, bytes })
      expect(top.map((entry) => entry.logprob)).toEqual(top.map((entry) => entry.logprob).toSorted((a, b) => b - a))
      const share = top.reduce((sum, entry) => sum + Math.exp(entry.logprob), 0)
      expect([logprob < 0, share <= 1, new Set(top.map((entry) => entry.token)).size]).toEqual([true, true, 3])
    }
    const chunks = await chunksOf(await simulator.chat({ ...fields, stream: true }))
    const streamed = chunks.flatMap((chunk) => chunk.choices[0]?.logprobs?.content ?? [])
    expect(streamed).toEqual(whole.content)
  })

  test('come only when asked for, and without others when none are', async () => {
    await using simulator = await startSimulator({ script })
    expect((await simulator.complete({ logprobs: false })).choices[0]?.logprobs).toBeNull()
    const entries = (await simulator.complete({ logprobs: true })).choices[0]?.logprobs?.content
    expect(entries?.map((entry) => entry.top_logprobs)).toEqual([[], [], []])
  })
})
