import { expect, test } from '@jest/globals'
import { assignPublicIds, publicIdOf } from './public-id.ts'

test.each([
  ['jan', 'jan-v1-4b', 'jan/jan-v1-4b'],
  ['jan', 'janhq/Jan-v1-4B', 'jan/jan-v1-4b'],
  ['custom', 'janhq/Jan-v1-4B', 'janhq/jan-v1-4b'],
  ['custom', 'jan-v1-4b', 'jan-v1-4b'],
  ['custom', 'jan-simulator', 'jan-simulator'],
  ['custom', 'Own Model', 'Own Model'],
  ['custom', 'openai:gpt-4o', 'openai/gpt-4o'],
  ['custom', 'meta-llama/Llama-3.1-8B_Instruct', 'meta/llama-3.1-8b-instruct'],
  ['custom', 'Qwen/Qwen3-8B', 'qwen/qwen3-8b'],
  ['openrouter', 'meta-llama/llama-3.1-8b-instruct:free', 'meta/llama-3.1-8b-instruct-free'],
  ['openrouter', 'nousresearch/hermes-4', 'openrouter/hermes-4'],
  ['openai', 'gpt-4o-mini', 'openai/gpt-4o-mini'],
  ['azure_openai', 'deployed', 'openai/deployed'],
  ['google', 'models/gemini-2.5-pro', 'google/gemini-2.5-pro'],
  ['aws_bedrock', 'anthropic.claude-3-haiku-20240307-v1:0', 'anthropic/claude-3-haiku-20240307-v1'],
  ['aws_bedrock', 'us.meta.llama3-1-8b-instruct-v1:0', 'meta/llama3-1-8b-instruct-v1'],
  ['perplexity', 'sonar-pro', 'perplexity/sonar-pro'],
  ['groq', 'llama-3.1-8b-instant', 'meta/llama-3.1-8b-instant'],
  ['groq', 'openai/gpt-oss-20b', 'openai/gpt-oss-20b'],
  ['custom', 'claude-sonnet-4', 'anthropic/claude-sonnet-4'],
  ['custom', 'o1-mini', 'openai/o1-mini'],
])('%s: %s is %s [L-010]', (kind, id, name) => {
  expect(publicIdOf(kind, id)).toBe(name)
})

test.each([
  ['ollama', 'qwen2:7b', 'qwen/qwen2-7b'],
  ['ollama', 'mistral:7b', 'mistral/mistral-7b'],
  ['custom', 'qwen2:7b', 'qwen/qwen2-7b'],
  ['custom', 'solo1-large', 'solo1-large'],
  ['custom', 'llama-2-7b-gptq', 'meta/llama-2-7b-gptq'],
  ['custom', 'gpt4all-falcon', 'gpt4all-falcon'],
  ['custom', 'philosopher', 'philosopher'],
  ['custom', 'TheBloke/Llama-2-7B', 'thebloke/llama-2-7b'],
  ['openrouter', 'someone/llama-2-7b', 'someone/llama-2-7b'],
])('names are not mistaken for others’: %s: %s is %s [L-010 W-048]', (kind, id, name) => {
  expect(publicIdOf(kind, id)).toBe(name)
})

test('two models of one provider never share a name, and a name once given stays [W-029]', () => {
  const first = assignPublicIds('openrouter', ['b/hermes', 'a/hermes'], new Map())
  expect([...first].sort()).toEqual([
    ['a/hermes', 'openrouter/hermes'],
    ['b/hermes', 'b/hermes'],
  ])
  const known = new Map([['b/hermes', 'openrouter/hermes']])
  expect(assignPublicIds('openrouter', ['a/hermes', 'b/hermes'], known)).toEqual(
    new Map([
      ['b/hermes', 'openrouter/hermes'],
      ['a/hermes', 'a/hermes'],
    ]),
  )
  expect(
    new Set(assignPublicIds('custom', ['X', 'Qwen3', 'qwen3', 'qwen_3', 'qwen/qwen3'], new Map()).values()).size,
  ).toBe(5)
})
