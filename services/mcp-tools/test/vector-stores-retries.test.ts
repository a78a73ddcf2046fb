import { createInternalTokens, parseInternalKeys } from '@jan/service-kit/internal-token'
import type { Served } from '@jan/testkit/serve'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { fakeMediaApi } from './document-fakes.ts'
import { INTERNAL_TOKEN_KEYS, startService, type TestService } from './start.ts'

let media: Served
let service: TestService

beforeAll(async () => {
  const text = { owner: 'ada', mime: 'text/plain', filename: 'tides.txt', text: 'The tide rises twice a day.' }
  media = await fakeMediaApi({ jan_tides: text })
  service = await startService({ MEDIA_API_URL: media.url, OUTBOUND_ALLOW: `127.0.0.1:${media.port}` })
})

afterAll(async () => {
  await service.close()
  await media.close()
})

type Body = { id: string; error?: { code: string }; [field: string]: unknown }

async function post(path: string, body: unknown, key: string, authorization = service.authorization) {
  const headers = { authorization, 'content-type': 'application/json', 'idempotency-key': key }
  const response = await fetch(`${service.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  return {
    status: response.status,
    replayed: response.headers.get('idempotency-replayed'),
    body: (await response.json()) as Body,
  }
}

/** As if the process had died before the answer was kept, and the lease had run out. */
const loseAnswer = (key: string) =>
  service.database.query(
    "UPDATE service_kit.idempotency_key SET answer = NULL, lease_until = now() - interval '1 s' WHERE key = $1",
    [key],
  )
const count = async (sql: string) => Number((await service.database.query(`SELECT count(*) ${sql}`))[0]!.count)

/** What is created, by which path, with which bodies of two requests, and how its rows are counted. */
async function creations() {
  const { body: store } = await post('/v1/vector_stores', { name: 'Of batches' }, `store-${Math.random()}`)
  const url = `http://127.0.0.1:${media.port}/mcp`
  return [
    {
      path: '/v1/vector_stores',
      bodies: [{ name: 'Sea', file_ids: ['jan_tides'] }, { name: 'Land' }],
      rows: "FROM collection WHERE name IN ('Sea', 'Land')",
      status: 200,
    },
    {
      path: `/v1/vector_stores/${store.id}/file_batches`,
      bodies: [{ file_ids: ['jan_tides'] }, { file_ids: ['jan_none'] }],
      rows: 'FROM file_batch',
      status: 200,
    },
    {
      path: '/v1/mcp/servers',
      bodies: [
        { name: 'far', url },
        { name: 'near', url },
      ],
      rows: 'FROM mcp_server',
      status: 201,
    },
  ] as const
}

test('what is created under a key is created once, and told again [B-092 T-18]', async () => {
  for (const { path, bodies, rows, status } of await creations()) {
    const key = `again ${path}`.replaceAll(' ', '-')
    const first = await post(path, bodies[0], key)
    expect([path, first.status, first.replayed]).toEqual([path, status, null])
    const second = await post(path, bodies[0], key)
    expect(second).toEqual({ ...first, replayed: 'true' })
    const other = await post(path, bodies[1], key)
    expect([path, other.status, codeOf(other.body)]).toEqual([path, 422, 'unprocessable'])
    await loseAnswer(key)
    const repeated = await post(path, bodies[0], key)
    expect(repeated).toMatchObject({ status, replayed: null, body: { id: first.body.id } })
    expect([path, await count(rows)]).toEqual([path, 1])
  }
})

const codeOf = (body: Body) => body.error?.code ?? body.code

test('a key is its owner’s alone, and erased with the workspace [B-092 B-024]', async () => {
  const first = await post('/v1/vector_stores', {}, 'mine')
  const { authorization } = await service.issuer.bearer('eve')
  const other = await post('/v1/vector_stores', {}, 'mine', authorization)
  expect(other).toMatchObject({ status: 200, replayed: null })
  expect(other.body.id).not.toBe(first.body.id)
  const internal = createInternalTokens('llm-api', parseInternalKeys(INTERNAL_TOKEN_KEYS))
  const token = await internal.mint('mcp-tools', { kind: 'service', service: 'llm-api' })
  const headers = { authorization: `Bearer ${token}` }
  const erased = await fetch(`${service.url}/internal/workspaces/ada`, { method: 'DELETE', headers })
  expect(erased.status).toBe(204)
  expect(await count("FROM service_kit.idempotency_key WHERE workspace_id = 'ada'")).toBe(0)
  expect(await count('FROM file_batch')).toBe(0)
  expect((await post('/v1/vector_stores', {}, 'mine', authorization)).replayed).toBe('true')
})
