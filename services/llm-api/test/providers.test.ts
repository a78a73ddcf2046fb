import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { type Json, type ModelService, startModelService } from './model-service.ts'

let it: ModelService
const KEY = 'sk-provider-secret-0123456789'

beforeAll(async () => {
  it = await startModelService()
})
afterEach(async () => {
  for (const { id, source } of (await it.asAdmin('GET', '/v1/admin/providers')).json)
    if (source === 'api') await it.asAdmin('DELETE', `/v1/admin/providers/${id}`)
  for (const provider of it.added) Object.assign(provider, { status: 200, asked: [] })
})
afterAll(() => it.close())

const ADMIN_ROUTES: [string, string, object?][] = [
  ['GET', '/v1/admin/providers'],
  ['POST', '/v1/admin/providers', {}],
  ['PATCH', '/v1/admin/providers/prov_x', {}],
  ['DELETE', '/v1/admin/providers/prov_x'],
  ['POST', '/v1/admin/providers/prov_x/sync'],
  ['POST', '/v1/admin/providers/prov_x/test'],
  ['GET', '/v1/admin/models/catalogs'],
  ['GET', '/v1/admin/models/catalogs/a/b'],
  ['PATCH', '/v1/admin/models/catalogs/a/b', {}],
  ['POST', '/v1/admin/models/catalogs/bulk-toggle', { enable: true }],
  ['GET', '/v1/admin/models/provider-models'],
  ['GET', '/v1/admin/models/provider-models/pmdl_x'],
  ['PATCH', '/v1/admin/models/provider-models/pmdl_x', {}],
  ['POST', '/v1/admin/models/provider-models/bulk-toggle', { enable: true }],
]

test('every one of them is for admins [L-005 W-002]', async () => {
  for (const [method, path, json] of ADMIN_ROUTES)
    expect([path, (await it.asAnn(method, path, json)).status]).toEqual([path, 403])
})

test('an admin adds a provider, and its models are offered at once [L-005]', async () => {
  const [provider] = it.added as [(typeof it.added)[0]]
  const { status, json } = await it.add(provider, { name: 'Mine', api_key: KEY, metadata: { description: 'x' } })
  expect([status, json]).toEqual([
    200,
    expect.objectContaining({
      id: expect.stringMatching(/^prov_[0-9a-z]{16}$/),
      name: 'Mine',
      vendor: 'custom',
      base_url: provider.url,
      active: true,
      source: 'api',
      api_key_hint: '6789',
      last_synced_at: expect.any(Number),
      last_error: null,
      models: [expect.objectContaining({ id: 'model-1', object: 'model' })],
    }),
  ])
  expect(await it.ids()).toEqual(['house-model', 'model-1'])
  expect(provider.asked.at(-1)).toMatchObject({ authorization: `Bearer ${KEY}` })
  expect((await it.asAdmin('DELETE', `/v1/admin/providers/${json.id}`)).status).toBe(204)
  expect(await it.ids()).toEqual(['house-model'])
  expect((await it.asAdmin('DELETE', `/v1/admin/providers/${json.id}`)).status).toBe(404)
})

test.each([
  ['no name', { name: undefined }, 'name'],
  ['a blank name', { name: '  ' }, 'name'],
  ['no vendor', { vendor: undefined }, 'vendor'],
  ['no address', { base_url: undefined }, 'base_url'],
  ['an address that is none', { base_url: 'models' }, 'base_url'],
  ['another scheme', { base_url: 'file:///etc/passwd' }, 'base_url'],
  ['a password in the address', { base_url: 'https://me:pw@models.example/v1' }, 'base_url'],
  ['a query', { base_url: 'https://models.example/v1?key=1' }, 'base_url'],
  ['metadata of another type', { metadata: { a: 1 } }, 'metadata.a'],
  ['a field that there is not', { enabled: true }, undefined],
  ['a key with a line break', { api_key: 'a\nb: c' }, 'api_key'],
])('%s is 400, and nothing stays [L-005]', async (_what, wrong, param) => {
  const { status, json } = await it.add(it.added[0]!, { verify: false, ...wrong })
  expect([status, json.error.code, json.error.param]).toEqual([400, 'invalid_request', param ?? null])
  expect((await it.asAdmin('GET', '/v1/admin/providers')).json).toHaveLength(1)
})

test('broken JSON is 400 [L-005 W-014]', async () => {
  const answer = await fetch(`${it.service.url}/v1/admin/providers`, {
    method: 'POST',
    headers: {
      ...(await it.service.issuer.bearer('root', { realm_access: { roles: ['admin'] } })),
      'content-type': 'application/json',
    },
    body: '{"name":',
  })
  expect(answer.status).toBe(400)
})

test('a provider that lists no models is refused, in our own words, and nothing stays [L-005 W-023]', async () => {
  const [provider] = it.added as [(typeof it.added)[0]]
  for (const status of [401, 404, 429, 500]) {
    provider.status = status
    const refused = await it.add(provider, { api_key: KEY })
    expect([refused.status, refused.json.error.message]).toEqual([502, expect.stringContaining(String(status))])
    expect(JSON.stringify(refused.json)).not.toMatch(/secret/)
  }
  const away = await it.asAdmin('POST', '/v1/admin/providers', { name: 'x', vendor: 'groq', base_url: it.nowhere })
  expect([away.status, away.json.error.message]).toEqual([502, expect.stringContaining('not reachable')])
  expect((await it.asAdmin('GET', '/v1/admin/providers')).json).toHaveLength(1)
  provider.status = 200
  expect((await it.add(provider, { vendor: 'groq' })).status).toBe(200)
})

test('unless it is not to be asked: then its health says what is wrong [L-005 L-009]', async () => {
  const added = await it.asAdmin('POST', '/v1/admin/providers', {
    ...{ name: 'later', vendor: 'custom', base_url: it.nowhere, verify: false },
  })
  expect([added.status, added.json.models]).toEqual([200, []])
  const sync = await it.asAdmin('POST', `/v1/admin/providers/${added.json.id}/sync`)
  expect([sync.status, sync.json.error.message]).toEqual([502, 'The model provider is not reachable'])
  const { json } = await it.asAdmin('GET', `/v1/admin/providers/${added.json.id}`)
  expect(json).toMatchObject({ last_synced_at: null, last_error: 'The model provider is not reachable' })
  expect(json.failed_at).toEqual(expect.any(Number))
  expect(await it.ids()).toEqual(['house-model'])
})

test('there is one provider of each kind that is known by name, and any number of custom ones [L-005]', async () => {
  const [one, other, third] = it.added as [Json, Json, Json]
  expect((await it.add(one, { vendor: 'Gemini' })).json.vendor).toBe('google')
  expect((await it.add(other, { vendor: 'google' })).status).toBe(409)
  const both = await Promise.all([it.add(one, { vendor: 'mistral' }), it.add(other, { vendor: 'mistral' })])
  expect(both.map(({ status }) => status).sort()).toEqual([200, 409])
  expect((await it.add(other, { vendor: 'vllm' })).json.vendor).toBe('custom')
  expect((await it.add(third)).status).toBe(200)
})

test('a retry with the same Idempotency-Key adds no second one [L-005]', async () => {
  const body = { name: 'once', vendor: 'custom', base_url: it.added[0]!.url }
  const once = () => it.asAdmin('POST', '/v1/admin/providers', body, { 'idempotency-key': 'add-once' })
  const [first, second] = [await once(), await once()]
  expect(second.json.id).toBe(first.json.id)
  expect((await it.asAdmin('GET', '/v1/admin/providers')).json).toHaveLength(2)
})

test.each([
  ['openai', 'authorization', `Bearer ${KEY}`],
  ['anthropic', 'x-api-key', KEY],
  ['azure_openai', 'api-key', KEY],
])('%s is sent its key in %s [L-010]', async (vendor, header, value) => {
  const [provider] = it.added as [(typeof it.added)[0]]
  await it.add(provider, { vendor, api_key: KEY })
  const { [header]: sent, ...others } = provider.asked[0]!
  expect(sent).toBe(value)
  expect(JSON.stringify(others)).not.toContain(KEY)
  if (vendor === 'anthropic') expect(others['anthropic-version']).toBe('2023-06-01')
})

test('a key is encrypted, never told, and goes to no other host [L-006 W-003 W-046]', async () => {
  const [first, second] = it.added as [(typeof it.added)[0], (typeof it.added)[0]]
  const { json: added } = await it.add(first, { api_key: KEY })
  const stored = async () =>
    (await it.service.database.query('SELECT secret, key_hint FROM provider WHERE id = $1', [added.id]))[0] as Json
  expect((await stored()).secret).toMatch(/^enc1:test:/)
  const path = `/v1/admin/providers/${added.id}`
  const seen = [added, (await it.asAdmin('GET', '/v1/admin/providers')).json, (await it.asAdmin('GET', path)).json]
  expect(JSON.stringify(seen)).not.toContain(KEY)
  // The same origin keeps it.
  await it.asAdmin('PATCH', path, { base_url: `${first.url}/`, name: 'renamed' })
  expect((await stored()).key_hint).toBe('6789')
  const moved = await it.asAdmin('PATCH', path, { base_url: second.url })
  expect([moved.status, moved.json.api_key_hint]).toEqual([200, null])
  expect(await stored()).toEqual({ secret: null, key_hint: null })
  expect(second.asked.length).toBeGreaterThan(0)
  expect(JSON.stringify(second.asked)).not.toContain(KEY)
  // Its models are those of the new place.
  expect(await it.ids()).toEqual(['house-model', 'model-2'])
  await it.asAdmin('PATCH', path, { base_url: first.url, api_key: `${KEY}x` })
  expect(first.asked.at(-1)).toMatchObject({ authorization: `Bearer ${KEY}x` })
  const cleared = await it.asAdmin('PATCH', path, { api_key: '' })
  expect([cleared.json.api_key_hint, (await stored()).secret]).toEqual([null, null])
})

test.each([
  ['http://127.0.0.1/v1'],
  ['http://169.254.169.254/latest'],
  ['http://[::1]/v1'],
  ['http://10.0.0.1:8000/v1'],
  ['http://localhost/v1'],
])('%s is no address of a provider, when it is added or changed [L-007 W-003]', async (url) => {
  const body = { name: 'inside', vendor: 'custom', base_url: url }
  const refused = await it.asAdmin('POST', '/v1/admin/providers', body)
  expect([refused.status, refused.json.error.param]).toEqual([400, 'base_url'])
  const unasked = await it.asAdmin('POST', '/v1/admin/providers', { ...body, verify: false })
  if (unasked.status === 200) {
    // The name tells nothing; the connection does.
    const { json } = await it.asAdmin('POST', `/v1/admin/providers/${unasked.json.id}/test`)
    expect(json).toMatchObject({ ok: false, error: { code: 'blocked_address' } })
  } else expect(unasked.status).toBe(400)
})

test('a test tells whether it answers, how fast, or what failed [L-005]', async () => {
  const [provider] = it.added as [(typeof it.added)[0]]
  const { json: added } = await it.add(provider, { api_key: KEY })
  const tryIt = async () => (await it.asAdmin('POST', `/v1/admin/providers/${added.id}/test`)).json
  expect(await tryIt()).toEqual({ ok: true, latency_ms: expect.any(Number), models: 1 })
  provider.status = 404
  const failed = await tryIt()
  expect(failed).toMatchObject({
    ok: false,
    error: { code: 'upstream_failed', message: expect.stringContaining('404') },
  })
  expect(JSON.stringify(failed)).not.toMatch(/secret|sk-/)
  expect((await it.asAdmin('POST', '/v1/admin/providers/prov_none/test')).status).toBe(404)
})

test('the operator’s provider is shown, and changed where he named it [L-008]', async () => {
  const [house] = (await it.asAdmin('GET', '/v1/admin/providers')).json
  expect(house).toMatchObject({
    source: 'environment',
    base_url: it.operators.url,
    model_count: 1,
    model_active_count: 1,
  })
  const path = `/v1/admin/providers/${house.id}`
  for (const change of [{ base_url: it.added[0]!.url }, { api_key: KEY }, { active: false }])
    expect((await it.asAdmin('PATCH', path, change)).status).toBe(409)
  const { status, json } = await it.asAdmin('DELETE', path)
  expect([status, json.error.message]).toEqual([409, expect.stringContaining('environment')])
  expect((await it.asAdmin('POST', `${path}/sync`)).status).toBe(200)
})

test('everybody sees who serves, and not where [L-004 W-027 W-058]', async () => {
  await it.add(it.added[0]!, { name: 'Mine', api_key: KEY, metadata: { environment: 'secret-place' } })
  const { status, json } = await it.asAnn('GET', '/v1/models/providers')
  expect([status, json]).toEqual([
    200,
    {
      object: 'list',
      data: [
        { id: expect.any(String), object: 'provider', name: 'default', vendor: 'custom', active: true },
        { id: expect.any(String), object: 'provider', name: 'Mine', vendor: 'custom', active: true },
      ],
    },
  ])
})

test('a provider that is switched off serves nothing [L-005 W-026]', async () => {
  const { json } = await it.add(it.added[0]!)
  await it.asAdmin('PATCH', `/v1/admin/providers/${json.id}`, { active: false })
  expect(await it.ids()).toEqual(['house-model'])
  expect((await it.asAnn('GET', '/v1/models/providers')).json.data).toHaveLength(1)
  await it.asAdmin('PATCH', `/v1/admin/providers/${json.id}`, { active: true })
  expect(await it.ids()).toEqual(['house-model', 'model-1'])
})

test('changes are in the audit log, without secrets [L-015]', async () => {
  const { json: added } = await it.add(it.added[0]!, { api_key: KEY })
  await it.asAdmin('PATCH', `/v1/admin/providers/${added.id}`, { api_key: `${KEY}x`, name: 'other' })
  await it.asAdmin('DELETE', `/v1/admin/providers/${added.id}`)
  const { data } = (await it.asAdmin('GET', `/v1/admin/audit?limit=3&order=desc`)).json
  expect(data.map(({ act, actor, target }: Json) => [act, actor, target])).toEqual([
    ['provider.deleted', 'root', added.id],
    ['provider.changed', 'root', added.id],
    ['provider.created', 'root', added.id],
  ])
  expect(JSON.stringify(data)).not.toContain(KEY)
})
