import { afterAll, beforeAll, expect, test } from '@jest/globals'
import OpenAI from 'openai'
import { type Booted, bootLlmApi } from './boot.ts'
import { beginStream, chunk, type FakeProvider, startFakeProvider } from './fake-provider.ts'

let provider: FakeProvider
let service: Booted
let client: OpenAI

beforeAll(async () => {
  provider = await startFakeProvider()
  service = await bootLlmApi({ JAN_MODEL_BASE_URL: provider.url })
  client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: await service.issuer.token('ann'), maxRetries: 0 })
})
afterAll(async () => {
  await service.close()
  await provider.close()
})

const messages = [{ role: 'user' as const, content: 'hi' }]

test('lists and retrieves models', async () => {
  const ids = []
  for await (const model of client.models.list()) ids.push(model.id)
  expect(ids).toEqual(['fake-model', 'vendor/other'])
  expect((await client.models.retrieve('vendor/other')).id).toBe('vendor/other')
})

test('completes', async () => {
  const answer = await client.chat.completions.create({ model: 'fake-model', messages })
  expect(answer.choices[0]?.message.content).toBe('hello')
})

test('streams', async () => {
  provider.onChat = (response) => {
    beginStream(response)
    response.end(`${chunk('su')}${chunk('ß', 'stop')}data: [DONE]\n\n`)
  }
  let text = ''
  for await (const part of await client.chat.completions.create({ model: 'fake-model', messages, stream: true }))
    text += part.choices[0]?.delta.content ?? ''
  expect(text).toBe('suß')
})

test('understands our errors, before and within a stream [H-43]', async () => {
  await expect(client.chat.completions.create({ model: 'nope', messages })).rejects.toMatchObject({
    status: 404,
    code: 'model_not_found',
    param: 'model',
    message: expect.stringContaining("'nope'"),
  })
  provider.onChat = (response) => {
    beginStream(response)
    response.end(chunk('half an ans'))
  }
  const stream = await client.chat.completions.create({ model: 'fake-model', messages, stream: true })
  const read = async () => {
    for await (const _part of stream);
  }
  await expect(read()).rejects.toThrow('The model provider ended its answer too early')
})
