import { createTestDatabase } from '@jan/testkit/postgres'
import { type Served, serve } from '@jan/testkit/serve'
import { type ServiceProcess, startServiceProcess } from '@jan/testkit/service-process'
import { createTokenIssuer } from '@jan/testkit/tokens'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { FIELD_KEYS, INTERNAL_KEYS, internalTokensOf, NOWHERE } from './boot.ts'
import { type FakeIdentity, startFakeIdentity } from './fake-identity.ts'

let database: Awaited<ReturnType<typeof createTestDatabase>>
let identity: FakeIdentity
let neighbour: Served
let service: ServiceProcess

/** The real process, because erasure is a job. */
beforeAll(async () => {
  database = await createTestDatabase({ service: 'llm-api' })
  identity = await startFakeIdentity(await createTokenIssuer())
  neighbour = await serve((request, response) =>
    request.method === 'DELETE' ? response.writeHead(204).end() : response.end('{}'),
  )
  service = await startServiceProcess('llm-api', () => ({
    LLM_DATABASE_URL: database.url,
    INTERNAL_TOKEN_KEYS: INTERNAL_KEYS,
    KEYCLOAK_BASE_URL: identity.url,
    FIELD_ENCRYPTION_KEYS: FIELD_KEYS,
    BACKEND_CLIENT_SECRET: 'test-secret',
    JAN_MODEL_BASE_URL: `${NOWHERE}/v1`,
    MEDIA_API_URL: NOWHERE,
    WORKSPACE_SERVICES: `neighbour=${neighbour.url}`,
  }))
})
afterAll(async () => {
  await service[Symbol.asyncDispose]()
  await Promise.all([neighbour.close(), identity.close()])
  await database.drop()
})

async function call(subject: string, method: string, path: string, json?: unknown) {
  const person = { kind: 'user' as const, subject, workspaceId: subject, roles: ['user', 'admin'] }
  const authorization = `Bearer ${await internalTokensOf('response-api').mint('llm-api', person)}`
  const body = json === undefined ? null : JSON.stringify(json)
  const answer = await fetch(`${service.url}${path}`, { method, headers: { authorization }, body })
  // biome-ignore lint/suspicious/noExplicitAny: answers are judged by their shape
  return { status: answer.status, body: (await answer.json()) as any }
}

test('projects and assistants are exported and erased; shared ones stay, and are nobody’s [L-061]', async () => {
  const made = async (path: string, json: object) => (await call('root', 'POST', path, json)).body
  const project = await made('/v1/projects', { name: 'Secret plans', instruction: 'Whisper' })
  const deleted = await made('/v1/projects', { name: 'Given up' })
  await call('root', 'DELETE', `/v1/projects/${deleted.id}`)
  const own = await made('/v1/assistants', { name: 'Own', metadata: { a: 'b' } })
  const shared = await made('/v1/assistants', { name: 'For all', shared: true })
  const kept = await call('bob', 'POST', '/v1/projects', { name: 'Secret plans' })

  const told = (await call('root', 'GET', '/v1/me/export')).body.services['llm-api']
  expect(told.projects).toEqual([project])
  const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name)
  expect(told.assistants.toSorted(byName)).toEqual([shared, own])

  expect((await call('root', 'DELETE', '/v1/me')).status).toBe(202)
  const rows = (table: string) => database.query(`SELECT * FROM ${table} WHERE workspace_id = 'root'`)
  await until(async () => (await rows('project')).length + (await rows('assistant')).length === 0)
  expect((await call('bob', 'GET', '/v1/projects')).body.data).toEqual([kept.body])

  // Another admin's to change, and to take.
  expect((await call('bob', 'GET', `/v1/assistants/${shared.id}`)).body).toEqual(shared)
  expect(await database.query('SELECT created_by FROM assistant')).toEqual([{ created_by: null }])
  expect((await call('bob', 'PATCH', `/v1/assistants/${shared.id}`, { shared: false })).status).toBe(200)
  expect(await database.query('SELECT workspace_id, created_by FROM assistant')).toEqual([
    { workspace_id: 'bob', created_by: 'bob' },
  ])
})
