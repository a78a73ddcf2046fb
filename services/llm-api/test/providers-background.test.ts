import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTestRedis, type TestRedis } from '@jan/testkit/redis'
import { serve } from '@jan/testkit/serve'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { loadConfig } from '../src/config.ts'
import { NOWHERE } from './boot.ts'
import { type ListingProvider, startListingProvider } from './listing-provider.ts'
import { type Json, type ModelService, startModelService } from './model-service.ts'

/** Providers of a file, one of which is silent and one away, on two replicas that Redis joins. */
let it: ModelService
let redis: TestRedis
let good: ListingProvider
let silent: { url: string; close(): Promise<void> }
const folder = mkdtempSync(join(tmpdir(), 'providers-'))
let other: Awaited<ReturnType<ModelService['replica']>>

beforeAll(async () => {
  redis = await startTestRedis()
  good = await startListingProvider('vendor/good', 'vendor/spare')
  silent = await serve(() => undefined)
  const file = join(folder, 'providers.yml')
  writeFileSync(
    file,
    `providers:
  default:
    - name: Good
      type: custom
      url: ${good.url}
      api_key: $GOOD_KEY
      models:
        - {id: vendor/good, aliases: [favourite], weight: 7, display_order: 1, context_length: 1000}
        - {id: vendor/unlisted, public_id: mine, longer: vendor/good}
    - {name: Silent, type: custom, url: "${silent.url}/v1"}
    - {name: Away, type: custom, url: "${NOWHERE}/v1", models: [{id: hoped-for}]}
`,
  )
  const env = {
    JAN_PROVIDER_CONFIGS: 'true',
    JAN_PROVIDER_CONFIGS_FILE: file,
    JAN_MODEL_BASE_URL: 'http://localhost:8101/v1',
    GOOD_KEY: 'sk-of-the-file-1234',
    REDIS_URL: redis.url,
  }
  it = await startModelService({ others: 2, env })
  other = await it.replica()
}, 90_000)
afterAll(async () => {
  await it.close()
  await good.close()
  await silent.close()
  await redis.close()
  rmSync(folder, { recursive: true })
})

const names = async (asAnn: ModelService['asAnn']): Promise<string[]> =>
  (await asAnn('GET', '/v1/models')).json.data.map(({ id }: Json) => id)
const providerNamed = async (name: string) =>
  (await it.asAdmin('GET', '/v1/admin/providers')).json.find((each: Json) => each.name === name)

test('one that is silent and one that is away stop neither the start nor the others [L-008 W-015 L-009]', async () => {
  expect(await names(it.asAnn)).toEqual(['vendor/good', 'hoped-for', 'mine', 'vendor/spare', 'favourite'])
  expect(good.asked[0]).toMatchObject({ authorization: 'Bearer sk-of-the-file-1234' })
  const providers = (await it.asAdmin('GET', '/v1/admin/providers')).json
  expect(providers).toMatchObject([
    { name: 'Good', source: 'file', last_error: null, api_key_hint: '1234', model_count: 3 },
    { name: 'Silent', last_synced_at: null },
    { name: 'Away', last_synced_at: null, last_error: 'The model provider is not reachable' },
  ])
  expect((await it.asAnn('GET', '/v1/models/favourite')).json).toMatchObject({ context_length: 1_000 })
  expect((await it.asAnn('GET', '/readyz')).json.degraded).toContain('model')
})

test('what the file says is changed in the file; the models’ weights and activity also here [L-008 L-011]', async () => {
  const { id } = await providerNamed('Good')
  expect((await it.asAdmin('PATCH', `/v1/admin/providers/${id}`, { name: 'x' })).status).toBe(409)
  const { data } = (await it.asAdmin('GET', `/v1/admin/models/provider-models?provider_id=${id}&model_key=vendor/good`))
    .json
  expect(data[0]).toMatchObject({ weight: 7, token_limits: { context_length: 1_000 } })
  const path = `/v1/admin/models/provider-models/${data[0].id}`
  expect((await it.asAdmin('PATCH', path, { weight: 3 })).json.weight).toBe(3)
  await it.asAdmin('PATCH', path, { active: false })
  expect(await names(it.asAnn)).not.toContain('vendor/good')
  await it.asAdmin('PATCH', path, { active: true, reset: ['weight'] })
  expect((await it.asAdmin('GET', path)).json.weight).toBe(7)
})

test('the other replica hears of every change within seconds', async () => {
  const { json: added } = await it.add(it.added[0]!, { api_key: 'sk-added-0123456789' })
  await until(async () => (await names(other.asAnn)).includes('model-1'), 5_000)
  await it.asAdmin('PATCH', `/v1/admin/providers/${added.id}`, { base_url: it.added[1]!.url })
  await until(async () => (await names(other.asAnn)).includes('model-2'), 5_000)
  await it.asAdmin('DELETE', `/v1/admin/providers/${added.id}`)
  await until(async () => !(await names(other.asAnn)).includes('model-2'), 5_000)
})

test('a key goes nowhere else although a replica has not heard of the new address [L-006 W-003]', async () => {
  const [first, second] = it.added as [ListingProvider, ListingProvider]
  const { json: added } = await it.add(first, { api_key: 'sk-added-0123456789' })
  // Changed behind the back of both.
  await it.service.database.query('UPDATE provider SET base_url = $1 WHERE id = $2', [second.url, added.id])
  first.asked = []
  const moved = await it.asAdmin('PATCH', `/v1/admin/providers/${added.id}`, { base_url: first.url })
  expect(moved.json.api_key_hint).toBeNull()
  expect(JSON.stringify(first.asked)).not.toContain('sk-added')
  await it.asAdmin('DELETE', `/v1/admin/providers/${added.id}`)
})

test('a provider that comes back is found by itself [L-009 W-043]', async () => {
  const late = await startListingProvider('late-model')
  late.status = 503
  const port = new URL(late.url).port
  const replica = await it.replica({
    JAN_PROVIDER_CONFIGS: 'false',
    JAN_MODEL_BASE_URL: late.url,
    OUTBOUND_ALLOW: `127.0.0.1:${port}`,
  })
  expect(await names(replica.asAnn)).toEqual([])
  late.status = 200
  await until(async () => (await names(replica.asAnn)).includes('late-model'))
  await late.close()
})

test('a file that is wrong stops the start, and says all of it [L-008]', () => {
  const least = {
    FIELD_ENCRYPTION_KEYS: `k:${Buffer.alloc(32).toString('base64url')}`,
    BACKEND_CLIENT_SECRET: 'test-secret',
    LLM_DATABASE_URL: 'postgresql://jan:pw@localhost/llm_api',
    INTERNAL_TOKEN_KEYS: `a:${Buffer.alloc(32).toString('base64url')}`,
    JAN_PROVIDER_CONFIGS: 'true',
  }
  const at =
    (file: string, more = {}) =>
    () =>
      loadConfig({ ...least, JAN_PROVIDER_CONFIGS_FILE: file, ...more })
  expect(at('/no/such.yml')).toThrow('JAN_PROVIDER_CONFIGS_FILE')
  expect(at('config/providers.yml', { JAN_PROVIDER_CONFIG_SET: 'none' })).toThrow("no provider in the set 'none'")
  expect(at('config/providers.yml')().operators.map(({ name }) => name)).toEqual(['Local vLLM'])
  expect(
    loadConfig({ ...least, JAN_PROVIDER_CONFIGS: 'false', LOCAL_MODEL_URL: 'http://127.0.0.1:8102/v1' }).operators,
  ).toMatchObject([
    { name: 'default', kind: 'custom' },
    { name: 'local', kind: 'local' },
  ])
})
