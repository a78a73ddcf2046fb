import { afterAll, beforeAll, expect, test } from '@jest/globals'
import OpenAI from 'openai'
import { type Judged, startJudged } from './judged.ts'

let judged: Judged
beforeAll(async () => {
  judged = await startJudged()
})
afterAll(() => judged.close())

/** The client asks for base64 by itself, and decodes it. */
test('texts are embedded, near each other when they share words [L-041 L-080]', async () => {
  const { data, usage, object } = await judged.client.embeddings.create({
    model: judged.model,
    input: ['a cat sat', 'the cat sat', 'stock prices'],
  })
  expect([object, data.map(({ index }) => index)]).toEqual(['list', [0, 1, 2]])
  const [cat, alike, other] = data.map(({ embedding }) => embedding)
  const nearness = (a: number[], b: number[]) => a.reduce((sum, value, at) => sum + value * b[at]!, 0)
  expect([cat!.length, alike!.length, other!.length]).toEqual([384, 384, 384])
  expect(nearness(cat!, alike!)).toBeGreaterThan(nearness(cat!, other!))
  expect(usage.total_tokens).toBeGreaterThan(0)
})

test('form and size of embeddings are the caller’s to choose [L-041 L-080]', async () => {
  const ask = { model: judged.model, input: 'hello', dimensions: 16 }
  const floats = await judged.client.embeddings.create({ ...ask, encoding_format: 'float' })
  const decoded = await judged.client.embeddings.create(ask)
  expect(floats.data[0]!.embedding).toHaveLength(16)
  for (const [at, value] of decoded.data[0]!.embedding.entries())
    expect(value).toBeCloseTo(floats.data[0]!.embedding[at]!, 5)
})

test('what cannot be embedded is refused [L-041 L-080]', async () => {
  await expect(judged.client.embeddings.create({ model: 'no/such-model', input: 'x' })).rejects.toMatchObject({
    status: 404,
    code: 'model_not_found',
  })
  await expect(judged.client.embeddings.create({ model: judged.model, input: '' })).rejects.toBeInstanceOf(
    OpenAI.BadRequestError,
  )
})
