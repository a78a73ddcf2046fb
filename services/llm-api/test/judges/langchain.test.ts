import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type AIMessage, HumanMessage, type ToolMessage } from '@langchain/core/messages'
import { tool } from '@langchain/core/tools'
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai'
import { z } from 'zod'
import { type Judged, startJudged } from './judged.ts'

/** LangChain's OpenAI classes with another base URL, as its users write it. */
let judged: Judged
beforeAll(async () => {
  judged = await startJudged()
})
afterAll(() => judged.close())

const settings = (model = judged.model) => ({
  model,
  apiKey: judged.apiKey,
  maxRetries: 0,
  configuration: { baseURL: judged.baseURL },
})
const chat = (model?: string) => new ChatOpenAI(settings(model))
const cityTool = (name: string) =>
  tool(({ city }: { city: string }) => `fine in ${city}`, {
    name,
    description: name,
    schema: z.object({ city: z.string() }),
  })

test('a message is answered, with its usage [L-081]', async () => {
  const { content, usage_metadata: usage } = await chat().invoke('Hello 👩‍🚀')
  expect(content).toContain('Hello 👩‍🚀')
  expect(usage!.total_tokens).toBe(usage!.input_tokens + usage!.output_tokens)
})

test('an answer is streamed, with its usage [L-081]', async () => {
  let [text, pieces, total] = ['', 0, 0]
  for await (const chunk of await chat().stream('Grüße aus Zürich')) {
    text += chunk.text
    pieces += 1
    total += chunk.usage_metadata?.total_tokens ?? 0
  }
  expect([pieces > 3, total > 0]).toEqual([true, true])
  expect(text).toContain('Grüße aus Zürich')
})

test('two tools are called at once and answered [L-081]', async () => {
  const tools = [cityTool('get_weather'), cityTool('get_tides')]
  const bound = chat().bindTools(tools)
  const question = new HumanMessage('Call get_weather and get_tides for Lisbon')
  const asked = await bound.invoke([question])
  expect(asked.tool_calls!.map(({ name }) => name).toSorted()).toEqual(['get_tides', 'get_weather'])
  const results = await Promise.all(
    asked.tool_calls!.map(
      async (call) => (await tools.find(({ name }) => name === call.name)!.invoke(call)) as ToolMessage,
    ),
  )
  expect((await bound.invoke([question, asked, ...results])).content).toContain('fine in')
})

const Capital = z.object({ city: z.string(), people: z.number() })
test.each(['jsonSchema', 'functionCalling', 'jsonMode'] as const)(
  'an object that fits a schema is made by %s [L-081]',
  async (method) => {
    const shape = method === 'jsonMode' ? z.object({ answer: z.string() }) : Capital
    const structured = chat().withStructuredOutput<Record<string, unknown>>(shape, { method, name: 'capital' })
    expect(shape.parse(await structured.invoke('Which is the capital?'))).toBeTruthy()
  },
)

test('several answers are made at once, with their logprobs, up to where they shall stop [L-081]', async () => {
  const model = new ChatOpenAI({ ...settings(), n: 2, logprobs: true, topLogprobs: 2 })
  const { generations } = await model.generate([[new HumanMessage('one two three')]], { stop: ['two'] })
  const [first, second] = generations[0]!
  expect([first!.text.endsWith('one '), second!.text]).toEqual([true, first!.text])
  expect((first as { message?: AIMessage }).message!.response_metadata.logprobs).toMatchObject({
    content: expect.arrayContaining([expect.objectContaining({ logprob: expect.any(Number) })]),
  })
})

test('our errors are understood [L-081]', async () => {
  await expect(chat('no/such-model').invoke('x')).rejects.toMatchObject({ status: 404 })
})

test('texts are embedded [L-041 L-081]', async () => {
  const embeddings = new OpenAIEmbeddings(settings())
  expect((await embeddings.embedDocuments(['a cat sat', 'the cat'])).map(({ length }) => length)).toEqual([384, 384])
})
