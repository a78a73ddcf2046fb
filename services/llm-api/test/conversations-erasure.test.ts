import { createTestDatabase } from '@jan/testkit/postgres'
import { type Served, serve } from '@jan/testkit/serve'
import { type ServiceProcess, startServiceProcess } from '@jan/testkit/service-process'
import { createTokenIssuer } from '@jan/testkit/tokens'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { FIELD_KEYS, INTERNAL_KEYS, internalTokensOf, NOWHERE } from './boot.ts'
import { idOf, idsOf, type JsonShown, personOf, type Shown, says } from './conversation-service.ts'
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

async function ask(subject: string, method: string, path: string, json?: unknown): Promise<JsonShown> {
  const token = await internalTokensOf('response-api').mint('llm-api', personOf(subject))
  const answer = await fetch(`${service.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
    body: json === undefined ? null : JSON.stringify(json),
  })
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> }
}

const begin = async (subject: string, ...texts: string[]) =>
  idOf(await ask(subject, 'POST', '/v1/conversations', { title: 'T', items: texts.map((text) => says(text)) }))

test('conversations are told whole, deleted ones too, and erased with their person [L-061]', async () => {
  const [kept, deleted, other] = [await begin('ann', 'a', 'b'), await begin('ann', 'c'), await begin('bob', 'x')]
  const path = `/v1/conversations/${kept}`
  const [second, first] = idsOf(await ask('ann', 'GET', `${path}/items`))
  await ask('ann', 'POST', `${path}/items/${first}/edit`, { content: 'a2' })
  await ask('ann', 'POST', `${path}/items/${second}/rating`, { rating: 'like', comment: 'good' })
  await ask('ann', 'DELETE', `${path}/items/${first}`)
  await ask('ann', 'DELETE', `/v1/conversations/${deleted}`)

  const { services } = (await ask('ann', 'GET', '/v1/me/export')).json as {
    services: Record<string, Record<string, Shown[]>>
  }
  const told = services['llm-api']!
  const deletedAt = { deleted_at: expect.any(Number) }
  expect(told.conversations).toHaveLength(2)
  expect(told.conversations).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ id: kept, title: 'T' }),
      expect.objectContaining({ id: deleted, ...deletedAt }),
    ]),
  )
  expect(told.conversation_branches).toHaveLength(3)
  expect(told.conversation_items).toHaveLength(4)
  expect(told.conversation_items).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ id: first, conversation_id: kept, ...deletedAt }),
      expect.objectContaining({ id: second, conversation_id: kept, rating: 'like', rating_comment: 'good' }),
      expect.objectContaining({ conversation_id: deleted, content: [{ type: 'input_text', text: 'c' }] }),
    ]),
  )

  expect((await ask('ann', 'DELETE', '/v1/me')).status).toBe(202)
  const tables = ['conversation', 'conversation_branch', 'conversation_item']
  const left = async () => {
    const counts = tables.map((table) => database.query(`SELECT FROM ${table} WHERE workspace_id = 'ann'`))
    return (await Promise.all(counts)).flat().length
  }
  await until(async () => (await left()) === 0)
  expect(idsOf(await ask('bob', 'GET', '/v1/conversations'))).toEqual([other])
  expect((await ask('bob', 'GET', `/v1/conversations/${other}/items`)).json.data).toHaveLength(1)
})
