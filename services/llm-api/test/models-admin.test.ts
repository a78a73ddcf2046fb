import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { type Json, type ModelService, startModelService } from './model-service.ts'

let it: ModelService
let provider: ModelService['added'][0]
let providerId: string

const ROUTER = {
  id: 'meta-llama/Llama-3.1-8B-Instruct:free',
  name: 'Llama 3.1 8B',
  canonical_slug: 'llama-three',
  context_length: 131_072,
  architecture: { input_modalities: ['text', 'image'], output_modalities: ['text'], tokenizer: 'Llama3' },
  supported_parameters: ['tools', 'include_reasoning'],
  pricing: { prompt: '0.00000015', completion: '0.0000006' },
  top_provider: { max_completion_tokens: 4_096, is_moderated: false },
  root: '/srv/models/llama',
}
const PUBLIC = 'meta/llama-3.1-8b-instruct-free'

beforeAll(async () => {
  it = await startModelService({ others: 2 })
  provider = it.added[0]!
  provider.entries = [ROUTER, { id: 'plain', max_model_len: 8_192 }, { id: 'Other-Plain' }]
  providerId = (await it.add(provider, { vendor: 'openrouter', name: 'Router' })).json.id
})
beforeEach(async () => {
  await it.asAdmin('POST', '/v1/admin/models/catalogs/bulk-toggle', { enable: true })
  await it.asAdmin('POST', '/v1/admin/models/provider-models/bulk-toggle', { enable: true })
})
afterAll(() => it.close())

const sync = () => it.asAdmin('POST', `/v1/admin/providers/${providerId}/sync`)
const rowsOf = async (query = ''): Promise<Json[]> =>
  (await it.asAdmin('GET', `/v1/admin/models/provider-models?order=asc${query}`)).json.data
const rowOf = async (name: string) => (await rowsOf(`&model_key=${encodeURIComponent(name)}`))[0]
const patch = (id: string, change: object) => it.asAdmin('PATCH', `/v1/admin/models/provider-models/${id}`, change)
const catalogOf = (id: string) => `/v1/admin/models/catalogs/${encodeURIComponent(id)}`
const model = async (name: string) => (await it.asAnn('GET', `/v1/models/${encodeURIComponent(name)}`)).json

test('a list tells context, prices and what a model takes [L-001 W-058]', async () => {
  expect(await model(PUBLIC)).toMatchObject({
    id: PUBLIC,
    object: 'model',
    display_name: 'Llama 3.1 8B',
    context_length: 131_072,
    max_completion_tokens: 4_096,
    pricing: { currency: 'USD', per_million_tokens: { prompt: 0.15, completion: 0.6 } },
    capabilities: { image_input: true, file_input: false },
  })
  expect(await model('openrouter/plain')).toMatchObject({ context_length: 8_192 })
})

test.each([
  PUBLIC,
  PUBLIC.toUpperCase(),
  ROUTER.id,
  ROUTER.id.toLowerCase(),
  'llama-3.1-8b-instruct-free',
  'llama-three',
])('a model is found as %s [L-002]', async (name) => {
  expect((await model(name)).id).toBe(PUBLIC)
})

test('with X-PROVIDER-DATA there is a row for every provider that serves a model [L-001 W-058]', async () => {
  const second = it.added[1]!
  second.entries = [{ id: 'Meta-Llama/Llama-3.1-8b-instruct:free' }]
  const { json: added } = await it.add(second, { name: 'Cheaper' })
  const { json: merged } = await it.asAnn('GET', '/v1/models')
  expect(merged.data.filter(({ id }: Json) => id === PUBLIC)).toHaveLength(1)
  const { json } = await it.asAnn('GET', '/v1/models', undefined, { 'x-provider-data': 'TRUE' })
  expect(json.data.filter(({ id }: Json) => id === PUBLIC)).toMatchObject([
    { provider_id: providerId, provider_vendor: 'openrouter', provider_name: 'Router' },
    { provider_id: added.id, provider_vendor: 'custom', provider_name: 'Cheaper' },
  ])
  expect(JSON.stringify(json)).not.toContain(second.host)
  await it.asAdmin('DELETE', `/v1/admin/providers/${added.id}`)
})

test('what an admin says of a model stays when its provider is asked again, and can be taken back [L-011 W-029 W-024]', async () => {
  const { id } = await rowOf(PUBLIC)
  const edits = {
    display_name: 'Ours',
    pricing: { lines: [{ unit: 'per_request', amount_micro_usd: 500 }] },
    token_limits: { context_length: 16_000 },
    family: null,
    supports_images: false,
    weight: 0,
  }
  const { status, json } = await patch(id, edits)
  const said = {
    display_name: 'Ours',
    pricing: { lines: [{ unit: 'per_request', amount_micro_usd: 500, currency: 'USD' }] },
    token_limits: { context_length: 16_000, max_completion_tokens: 4_096 },
    family: null,
    supports_images: false,
    weight: 0,
  }
  expect([status, json]).toEqual([200, expect.objectContaining(said)])
  expect(json.edited.sort()).toEqual(Object.keys(edits).sort())
  provider.entries[0] = { ...ROUTER, name: 'Renamed there', context_length: 5 }
  await sync()
  expect(await rowOf(PUBLIC)).toMatchObject(said)
  expect(await model(PUBLIC)).toMatchObject({
    display_name: 'Ours',
    context_length: 16_000,
    pricing: { per_request: 0.0005 },
  })
  expect((await patch(id, { token_limits: null })).json.token_limits).toEqual({
    context_length: null,
    max_completion_tokens: null,
  })
  const reset = await patch(id, { reset: Object.keys(edits) })
  expect(reset.json).toMatchObject({
    display_name: 'Renamed there',
    token_limits: { context_length: 5 },
    weight: 100,
    edited: [],
  })
  provider.entries[0] = ROUTER
  await sync()
})

test.each([
  [{ weight: -1 }],
  [{ weight: 'much' }],
  [{ display_name: '' }],
  [{ pricing: { lines: [{ unit: 'per_moon', amount_micro_usd: 1 }] } }],
  [{ token_limits: { context_length: 0 } }],
  [{ enabled: true }],
  [{ reset: ['active'] }],
])('%j is 400 for a provider model [L-005]', async (change) => {
  expect((await patch((await rowOf(PUBLIC)).id, change)).status).toBe(400)
})

test('lists of models are paged and filtered, and an unknown provider is 404 [L-005 W-025 W-050]', async () => {
  const page = (query: string) => it.asAdmin('GET', `/v1/admin/models/provider-models?${query}`)
  const all = (await page('order=asc')).json
  expect([all.total, all.limit, all.data.length]).toEqual([4, 20, 4])
  const ids = all.data.map(({ id }: Json) => id)
  expect((await page('order=asc&limit=2&offset=1')).json.data.map(({ id }: Json) => id)).toEqual(ids.slice(1, 3))
  expect((await page('limit=1')).json.data[0].id).toBe(ids.at(-1))
  expect((await page(`provider_id=${providerId}`)).json.total).toBe(3)
  expect((await page('provider_id=prov_none')).status).toBe(404)
  expect((await page(`provider_id=${providerId}&supports_images=true`)).json.total).toBe(1)
  await patch(ids[0], { active: false })
  expect((await page('active=false')).json).toMatchObject({ total: 1, data: [{ id: ids[0] }] })
  for (const wrong of ['limit=0', 'limit=1000000', 'offset=-1', 'after=x', 'cursor=x', 'active=maybe', 'order=up'])
    expect([wrong, (await page(wrong)).status]).toEqual([wrong, 400])
  for (const id of ['pmdl_none', 'x'])
    expect((await it.asAdmin('GET', `/v1/admin/models/provider-models/${id}`)).status).toBe(404)
})

test('all models are switched off and on together, but for some [L-013 W-025 W-044]', async () => {
  const toggle = (json: object) => it.asAdmin('POST', '/v1/admin/models/provider-models/bulk-toggle', json)
  expect((await toggle({ enable: false, except_models: [PUBLIC] })).json).toEqual({
    updated_count: 3,
    skipped_count: 1,
    failed_count: 0,
    total_checked: 4,
  })
  expect(await it.ids()).toEqual([PUBLIC])
  expect((await toggle({ enable: true, provider_id: providerId })).json.updated_count).toBe(3)
  expect(await it.ids()).not.toContain('house-model')
  expect((await toggle({ enable: true })).status).toBe(200)
  expect(await it.ids()).toContain('house-model')
  expect((await toggle({ enable: true, provider_id: 'prov_none' })).status).toBe(404)
  for (const wrong of [
    {},
    { enable: 'yes' },
    { enable: true, except_models: Array(1_001).fill('x') },
    { enable: true, provider_id: '' },
  ])
    expect((await toggle(wrong)).status).toBe(400)
})

test('catalogs tell what is known of a model; ids hold slashes [L-003]', async () => {
  for (const id of [PUBLIC, encodeURIComponent(PUBLIC), ROUTER.id]) {
    const { status, json } = await it.asAnn('GET', `/v1/models/catalogs/${id}`)
    expect([status, json]).toEqual([
      200,
      expect.objectContaining({
        id: PUBLIC,
        status: 'filled',
        active: true,
        is_moderated: false,
        supported_parameters: {
          names: expect.arrayContaining(['include_reasoning', 'temperature']),
          default: { temperature: '0.7', top_p: '1' },
        },
        architecture: expect.objectContaining({ input_modalities: ['text', 'image'], tokenizer: 'Llama3' }),
        last_synced_at: expect.any(Number),
      }),
    ])
    // It may name files of the provider's machine.
    expect(JSON.stringify(json)).not.toContain('/srv/models')
  }
  expect((await it.asAdmin('GET', catalogOf(PUBLIC))).json.extras).toMatchObject({ root: '/srv/models/llama' })
  expect((await it.asAnn('GET', '/v1/models/catalogs/no/such')).status).toBe(404)
})

test('what an admin says of a catalog stays, also against a provider that describes its models [L-011 W-030 W-024]', async () => {
  const edit = (json: object) => it.asAdmin('PATCH', catalogOf(PUBLIC), json)
  const said = { tags: ['good'], notes: 'Ours', is_moderated: true, architecture: { tokenizer: 'X' } }
  expect((await edit(said)).json).toMatchObject({ tags: ['good'], status: 'updated' })
  provider.entries[0] = { ...ROUTER, description: 'Theirs' }
  await sync()
  const { json } = await it.asAdmin('GET', catalogOf(PUBLIC))
  expect(json).toMatchObject({ notes: 'Ours', is_moderated: true, status: 'updated' })
  expect(json.architecture).toMatchObject({ tokenizer: 'X', input_modalities: ['text', 'image'] })
  expect(json.edited.sort()).toEqual(['architecture', 'is_moderated', 'notes', 'tags'])
  expect((await edit({ tags: null })).json.tags).toEqual([])
  const reset = (await edit({ reset: ['tags', 'notes', 'is_moderated', 'architecture'] })).json
  expect(reset).toMatchObject({ notes: 'Theirs', status: 'filled', is_moderated: false })
  provider.entries[0] = ROUTER
  await sync()
})

test('aliases, the order of the list and a longer model are set on catalogs [L-001 L-002]', async () => {
  const edit = (id: string, json: object) => it.asAdmin('PATCH', catalogOf(id), json)
  await edit('openrouter/plain', { aliases: ['jan-v1-4b', 'Nick'], display_order: -5, longer: PUBLIC })
  expect(await it.ids()).toEqual([
    'openrouter/plain',
    'house-model',
    PUBLIC,
    'openrouter/other-plain',
    'jan-v1-4b',
    'Nick',
  ])
  expect(await model('nick')).toMatchObject({ context_length: 8_192 })
  expect((await model('jan-v1-4b')).id).toBe('jan-v1-4b')
  expect((await edit(PUBLIC, { aliases: ['NICK'] })).status).toBe(409)
  expect((await edit(PUBLIC, { aliases: ['house-model'] })).status).toBe(409)
  for (const longer of ['no-such', PUBLIC]) expect((await edit(PUBLIC, { longer })).status).toBe(400)
  await edit('openrouter/plain', { reset: ['aliases', 'display_order', 'longer'] })
  expect(await it.ids()).toHaveLength(4)
})

test('catalogs are listed, filtered and switched together [L-013 W-050 W-044]', async () => {
  const list = (query: string) => it.asAdmin('GET', `/v1/admin/models/catalogs?${query}`)
  const toggle = (json: object) => it.asAdmin('POST', '/v1/admin/models/catalogs/bulk-toggle', json)
  const all = (await list('order=asc')).json
  expect(all.total).toBeGreaterThanOrEqual(4)
  expect((await list('status=filled')).json.data.map(({ id }: Json) => id)).toContain(PUBLIC)
  expect((await list('is_moderated=true')).json.total).toBe(0)
  for (const wrong of ['limit=101', 'status=odd', 'is_moderated=1', 'after=x'])
    expect((await list(wrong)).status).toBe(400)

  expect((await toggle({ enable: false, catalog_ids: [PUBLIC, 'openrouter/plain'] })).json.updated_count).toBe(2)
  expect(await it.ids()).toEqual(['house-model', 'openrouter/other-plain'])
  expect((await it.asAnn('GET', `/v1/models/catalogs/${PUBLIC}`)).status).toBe(404)
  expect((await list('active=false')).json.total).toBe(2)
  const { id, active } = await rowOf(PUBLIC)
  expect(active).toBe(false)
  expect((await patch(id, { active: true })).status).toBe(409)
  expect((await toggle({ enable: true, catalog_ids: [PUBLIC] })).json).toMatchObject({
    updated_count: 1,
    skipped_count: 1,
  })
  expect((await patch(id, { active: true })).status).toBe(200)
  expect(await it.ids()).toContain(PUBLIC)
  expect((await toggle({ enable: false, catalog_ids: [PUBLIC, 'no/such'] })).status).toBe(404)
  expect(await it.ids()).toContain(PUBLIC)
  expect((await toggle({ enable: false, except_models: Array(1_001).fill('x') })).status).toBe(400)
})

test('changes of models and catalogs are in the audit log [L-015]', async () => {
  const { id } = await rowOf(PUBLIC)
  await patch(id, { weight: 50 })
  await patch(id, { reset: ['weight'] })
  await it.asAdmin('PATCH', catalogOf(PUBLIC), { notes: null, reset: ['notes'] })
  const acts = (await it.asAdmin('GET', '/v1/admin/audit?limit=3')).json.data.map(({ act, target }: Json) => [
    act,
    target,
  ])
  expect(acts).toEqual([
    ['catalog.changed', PUBLIC],
    ['provider_model.changed', id],
    ['provider_model.changed', id],
  ])
})

test('models that are no longer listed are no longer offered, and come back as they were left [L-012]', async () => {
  const { id } = await rowOf('openrouter/plain')
  await patch(id, { display_name: 'Kept' })
  const [router, plain, other] = provider.entries as [object, Json, Json]
  provider.entries = [router as Json, other]
  await sync()
  expect(await it.ids()).not.toContain('openrouter/plain')
  expect((await it.asAnn('GET', '/v1/models/openrouter/plain')).status).toBe(404)
  expect((await it.asAdmin('GET', `/v1/admin/models/provider-models/${id}`)).status).toBe(404)
  provider.entries = [router as Json, plain, other]
  await sync()
  expect(await rowOf('openrouter/plain')).toMatchObject({ id, display_name: 'Kept' })
})

test('odd and hostile entries harm no other [W-058]', async () => {
  const { entries } = provider
  provider.entries = [
    ...entries,
    { id: 'nul', name: 'a\0b', description: '\ud800' },
    { id: 'line\nbreak' },
    { id: 'x'.repeat(600) },
    { id: 5 } as never,
    'text' as never,
    { id: 'deep', architecture: [[]], pricing: { prompt: {} }, supported_parameters: [{}] },
  ]
  expect((await sync()).status).toBe(200)
  expect(await it.ids()).toEqual(expect.arrayContaining(['openrouter/nul', 'openrouter/deep', PUBLIC]))
  expect(await it.ids()).toHaveLength(6)
  provider.entries = entries
  await sync()
})
