import { expect, test } from '@jest/globals'
import { readListedModel } from './read-listed-model.ts'

const read = (entry: Record<string, unknown>) => readListedModel({ id: 'vendor/some-model', entry })

test('prices per token as OpenRouter states them, and lines, come to the same [L-001 W-058]', () => {
  const perToken = read({ pricing: { prompt: '0.00000015', completion: '0.0000006', request: '0', image: 'free' } })
  expect(perToken.model.prices).toEqual([
    { unit: 'per_1k_prompt_tokens', amount_micro_usd: 150, currency: 'USD' },
    { unit: 'per_1k_completion_tokens', amount_micro_usd: 600, currency: 'USD' },
    { unit: 'per_request', amount_micro_usd: 0, currency: 'USD' },
  ])
  const lines = [
    { unit: 'per_1k_prompt_tokens', amount: 0.00015 },
    { unit: 'per_fortnight', amount: 1 },
    { unit: 'per_request', amount: -1 },
    'nonsense',
  ]
  expect(read({ pricing: { lines } }).model.prices).toEqual([
    { unit: 'per_1k_prompt_tokens', amount_micro_usd: 150, currency: 'USD' },
  ])
})

test.each([
  [{ max_model_len: 32_768 }, 32_768],
  [{ context_length: 8_192, max_model_len: 4_096 }, 8_192],
  [{ context_length: 'many' }, undefined],
  [{ context_length: 0 }, undefined],
  [{ context_length: -5 }, undefined],
])('the context in %j is %p [W-058]', (entry, length) => {
  expect(read(entry).model.contextLength).toBe(length)
})

test('what a model takes is known only from providers that say so', () => {
  const { model, catalog, isDescribed } = read({
    name: 'Some Model',
    description: 'Good at something',
    architecture: { input_modalities: ['text', 'image'], tokenizer: 'GPT' },
    supported_parameters: ['reasoning', 'temperature'],
    default_parameters: { temperature: 0.6, top_k: null },
    top_provider: { max_completion_tokens: 100, is_moderated: true },
  })
  expect(model).toMatchObject({
    displayName: 'Some Model',
    supportsImages: true,
    supportsFiles: false,
    supportsReasoning: true,
    maxCompletionTokens: 100,
  })
  expect(catalog).toMatchObject({
    notes: 'Good at something',
    isModerated: true,
    supportedParameters: { default: { temperature: '0.6', top_p: '1', top_k: null } },
  })
  expect(catalog.supportedParameters!.names.filter((name) => name === 'temperature')).toHaveLength(1)
  expect(isDescribed).toBe(true)
  const bare = read({ architecture: 'unknown', supported_parameters: 7, pricing: [] })
  expect(bare).toMatchObject({ isDescribed: false, model: { displayName: 'vendor/some-model', prices: [] } })
  expect(bare.model.supportsImages).toBeUndefined()
})
