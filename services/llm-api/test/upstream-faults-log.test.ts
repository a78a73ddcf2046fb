import { createTestDatabase } from '@jan/testkit/postgres'
import { expect, test } from '@jest/globals'
import { FIELD_KEYS, INTERNAL_KEYS, internalTokensOf, NOWHERE } from './boot.ts'
import { chunk, completion, listOf, sendJson } from './fake-provider.ts'
import { breakAfter, events, type OnCall, play, startAnyProvider } from './fixtures/any-provider.ts'
import { startLoggedService } from './fixtures/logged-service.ts'

const ASKED = 'asked-in-secret'
const SAID = 'said-in-secret'

const ANSWERS: OnCall[] = [
  play('application/json', JSON.stringify(completion(SAID))),
  play('application/json', `{"${SAID}`),
  play('text/html', SAID),
  (response) => sendJson(response, 400, { error: { message: `${ASKED} is wrong: ${SAID}`, code: SAID } }),
  (response) => sendJson(response, 500, { error: { message: SAID } }),
  (response) => response.socket?.end(`HTTP/1.1 200 OK\r\nx: ${SAID}\r\ncontent-length: ${SAID}\r\n\r\n${SAID}`),
]
const STREAMS: OnCall[] = [
  events(chunk(SAID, 'stop'), 'data: [DONE]\n\n'),
  events(chunk(SAID)),
  events(`data: {"error":{"message":"${SAID}"}}\n\n`),
  breakAfter('text/event-stream', chunk(SAID)),
  (response) => sendJson(response, 400, { error: { message: `${ASKED}: ${SAID}` } }),
]

test('whatever comes of it, prompts, answers and tokens are in no log [L-044 W-018]', async () => {
  const database = await createTestDatabase({ service: 'llm-api' })
  const provider = await startAnyProvider()
  provider.onCall = (response) => sendJson(response, 200, listOf('fake-model'))
  const service = await startLoggedService({
    LLM_DATABASE_URL: database.url,
    INTERNAL_TOKEN_KEYS: INTERNAL_KEYS,
    KEYCLOAK_BASE_URL: NOWHERE,
    FIELD_ENCRYPTION_KEYS: FIELD_KEYS,
    BACKEND_CLIENT_SECRET: 'test-secret',
    JAN_MODEL: 'fake-model',
    JAN_MODEL_BASE_URL: provider.url,
    JAN_MODEL_API_KEY: 'provider-secret',
    MEDIA_API_URL: NOWHERE,
    MODEL_MAX_ATTEMPTS: '1',
  })
  const person = { kind: 'user' as const, subject: 'ann', workspaceId: 'ann', roles: [] }
  const mint = () => internalTokensOf('response-api').mint('llm-api', person)
  const tokens: string[] = []
  const messages = [{ role: 'user', content: ASKED }]
  const post = async (path: string, json: unknown) => {
    const token = await mint()
    tokens.push(token)
    const headers = { authorization: `Bearer ${token}` }
    const body = typeof json === 'string' ? json : JSON.stringify(json)
    return (await fetch(`${service.url}/v1${path}`, { method: 'POST', headers, body })).text()
  }
  const told: string[] = []
  for (const [stream, answers] of [[false, ANSWERS] as const, [true, STREAMS] as const])
    for (const onCall of answers) {
      provider.onCall = onCall
      told.push(await post('/chat/completions', { model: 'fake-model', messages, stream, conversation: '' }))
      if (!stream) await post('/embeddings', { model: 'fake-model', input: ASKED })
    }
  await post('/chat/completions', `{"model":"fake-model","messages":[{"role":"user","content":"${ASKED}`)
  await post('/chat/completions', { model: 'fake-model', messages, stream: ASKED })
  const log = await service.stop()
  await provider.close()
  await database.drop()
  // Something was said, something was told, and every call was let in.
  expect(log).not.toContain('unauthenticated')
  expect([told.join('').includes(SAID), log.includes('create_chat_completion')]).toEqual([true, true])
  for (const secret of [ASKED, SAID, ...tokens, 'provider-secret']) expect(log).not.toContain(secret)
})
