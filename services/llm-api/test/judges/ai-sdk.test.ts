import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { embed, generateText, Output, stepCountIs, streamText, tool } from 'ai'
import { z } from 'zod'
import { type Judged, startJudged } from './judged.ts'

/** Vercel's AI SDK with its provider for OpenAI-compatible servers, as its users write it. */
let judged: Judged
let provider: ReturnType<typeof createOpenAICompatible>
beforeAll(async () => {
  judged = await startJudged()
  provider = createOpenAICompatible({
    name: 'jan',
    baseURL: judged.baseURL,
    apiKey: judged.apiKey,
    includeUsage: true,
    supportsStructuredOutputs: true,
  })
})
afterAll(() => judged.close())

const model = () => provider.chatModel(judged.model)
const cityTool = (asked: string[], name: string) =>
  tool({
    description: name,
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => {
      asked.push(name)
      return `fine in ${city}`
    },
  })

test('a text is generated, with its usage [L-081]', async () => {
  const { text, finishReason, usage } = await generateText({ model: model(), prompt: 'Hello 👩‍🚀' })
  expect([text, finishReason]).toEqual([expect.stringContaining('Hello 👩‍🚀'), 'stop'])
  expect(usage.totalTokens).toBe(usage.inputTokens! + usage.outputTokens!)
})

test('a text is streamed, with its usage [L-081]', async () => {
  const { textStream, usage, finishReason } = streamText({ model: model(), prompt: 'Grüße aus Zürich' })
  const pieces: string[] = []
  for await (const piece of textStream) pieces.push(piece)
  expect(pieces.length).toBeGreaterThan(2)
  expect(pieces.join('')).toContain('Grüße aus Zürich')
  expect([await finishReason, (await usage).totalTokens! > 0]).toEqual(['stop', true])
})

test('two tools are called at once and answered, streamed and not [L-081]', async () => {
  const prompt = 'Call get_weather and get_tides for Lisbon'
  for (const isStreamed of [false, true]) {
    const asked: string[] = []
    const tools = { get_weather: cityTool(asked, 'get_weather'), get_tides: cityTool(asked, 'get_tides') }
    const ask = { model: model(), prompt, tools, stopWhen: stepCountIs(3) }
    const text = isStreamed ? await streamText(ask).text : (await generateText(ask)).text
    expect(text).toContain('fine in')
    expect(asked.toSorted()).toEqual(['get_tides', 'get_weather'])
  }
})

test('a tool that has to be called is called, and a stop sequence ends a text [L-081]', async () => {
  const tools = { get_weather: cityTool([], 'get_weather'), book: cityTool([], 'book') }
  const chosen = async (toolChoice: 'required' | { type: 'tool'; toolName: 'book' }) =>
    (await generateText({ model: model(), prompt: 'How is the weather?', tools, toolChoice })).toolCalls
  expect(await chosen('required')).toMatchObject([{ toolName: 'get_weather', input: { city: expect.any(String) } }])
  expect(await chosen({ type: 'tool', toolName: 'book' })).toMatchObject([{ toolName: 'book' }])
  const { text, finishReason } = await generateText({ model: model(), prompt: 'one two three', stopSequences: ['two'] })
  expect([text.endsWith('one '), finishReason]).toEqual([true, 'stop'])
})

test('a text is completed the old way, streamed and not [L-041 L-081]', async () => {
  const ask = { model: provider.completionModel(judged.model), prompt: 'Tulips', maxOutputTokens: 50 }
  const { text, usage } = await generateText(ask)
  expect([text, usage.outputTokens! > 0]).toEqual([expect.stringContaining('Tulips'), true])
  expect(await streamText(ask).text).toBe(text)
})

test('an object that fits a schema is generated [L-081]', async () => {
  const { output } = await generateText({
    model: model(),
    prompt: 'Which is the capital?',
    output: Output.object({ schema: z.object({ city: z.string(), people: z.number() }) }),
  })
  expect(output).toEqual({ city: expect.any(String), people: expect.any(Number) })
  const [request] = (await judged.seen()).requests.slice(-1)
  expect(request!.body.response_format).toMatchObject({ type: 'json_schema' })
})

test('our errors are understood [L-081]', async () => {
  const asked = generateText({ model: provider.chatModel('no/such-model'), prompt: 'x', maxRetries: 0 })
  await expect(asked).rejects.toMatchObject({ statusCode: 404, isRetryable: false })
  await expect(asked).rejects.toThrow('no/such-model')
})

test('texts are embedded [L-041 L-081]', async () => {
  const { embedding } = await embed({ model: provider.embeddingModel(judged.model), value: 'a cat sat' })
  expect(embedding).toHaveLength(384)
})
