import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import { readProviderFile } from './read-provider-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'providers-'))
afterAll(() => rmSync(folder, { recursive: true }))

function read(text: string, variables: Record<string, string> = {}, set = 'default') {
  const file = join(folder, 'providers.yml')
  writeFileSync(file, text)
  const { providers, problems } = readProviderFile({ file, set }, variables)
  return { providers, problems: problems.map((line) => line.replace(`${file}: `, '')) }
}

test('reads providers with variables, defaults and models of their own [L-008]', () => {
  const { providers, problems } = read(
    `providers:
  default:
    - name: Local
      type: vllm
      url: \${VLLM_URL:-http://localhost:8101/v1}
      api_key: $VLLM_KEY
      metadata: {region: "\${REGION}", price: "5$$"}
      weight: 10
      connect_timeout: 2s
      models:
        - id: Qwen/Qwen3-8B
          aliases: [jan-v1-4b]
          prices: {prompt: 0.15}
          longer: big
    - vendor: openai
      base_url: https://api.openai.com/v1
      active: \${OFF:-false}
      sync_models: false
`,
    { VLLM_KEY: 'sk-1' },
  )
  expect(problems).toEqual([])
  expect(providers).toMatchObject([
    {
      source: 'file',
      name: 'Local',
      kind: 'custom',
      baseUrl: 'http://localhost:8101/v1',
      active: true,
      metadata: { price: '5$' },
      weight: 10,
      timeouts: { connectTimeoutMs: 2_000 },
      models: [
        {
          modelId: 'Qwen/Qwen3-8B',
          catalog: { aliases: ['jan-v1-4b'], longer: 'big' },
          model: { prices: [{ unit: 'per_1k_prompt_tokens', amount_micro_usd: 150, currency: 'USD' }] },
        },
      ],
    },
    { name: 'OPENAI Provider', kind: 'openai', active: false, syncs: false, apiKey: undefined, timeouts: {} },
  ])
  expect(providers[0]!.apiKey?.reveal()).toBe('sk-1')
  expect(Object.keys(providers[0]!.metadata)).toEqual(['price'])
})

test('a provider has the same id at every start, whatever its address [L-008]', () => {
  const idOf = (url: string) => read(`providers: {default: [{name: A, type: custom, url: "${url}"}]}`).providers[0]!.id
  expect(idOf('http://a/v1')).toBe(idOf('http://b/v1'))
  expect(idOf('http://a/v1')).toMatch(/^prov_[0-9a-z]{16}$/)
})

test('all that is wrong is told at once, and no value with it [L-008]', () => {
  const { problems } = read(`providers:
  default:
    - type: custom
      url: ftp://secret-host/v1
      api_kee: sk-secret
    - url: https://me:sk-secret@models.example/v1
      models: [{id: x, weight: -1}]
`)
  expect(problems).toHaveLength(5)
  expect(problems.join('\n')).toContain('providers.default.0.url: expected an http or https URL')
  expect(problems.join('\n')).toContain('providers.default.1.type: required')
  expect(problems.join('\n')).toContain('api_kee')
  expect(problems.join('\n')).not.toContain('secret')
})

test.each([
  ['providers: [', 'default', /flow/i],
  ['providers: {default: []}', 'default', /no provider in the set 'default'/],
  ['providers: {other: [{type: custom, url: "http://a/v1"}]}', 'default', /no provider in the set 'default'/],
  [
    'providers: {default: [{type: custom, url: "http://a/v1"}, {type: custom, url: "http://b/v1"}]}',
    'default',
    /two providers/,
  ],
])('%s is refused', (text, set, problem) => {
  expect(read(text, {}, set).problems.join()).toMatch(problem)
})

test('a file that is not there is told; the example is usable as it is [L-008]', () => {
  expect(readProviderFile({ file: '/no/such.yml', set: 'default' }, {}).problems).toHaveLength(1)
  const example = resolve(import.meta.dirname, '../../../../config/providers.yml')
  for (const set of ['default', 'cloud']) {
    const { problems, providers } = readProviderFile({ file: example, set }, {})
    expect([set, problems]).toEqual([set, []])
    expect(providers.length).toBeGreaterThan(0)
  }
})
