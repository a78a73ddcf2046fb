import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createTestDatabase } from '@jan/testkit/postgres'
import { expect, test } from '@jest/globals'
import { INTERNAL_KEYS, internalTokensOf, NOWHERE } from './boot.ts'
import { startFakeProvider } from './fake-provider.ts'

test('runs as it is shipped, and stops when told to', async () => {
  const database = await createTestDatabase({ service: 'llm-api' })
  const provider = await startFakeProvider()
  const child = spawn(process.execPath, ['--import', '@jan/service-kit/telemetry', 'src/main.ts'], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      LLM_API_HTTP_PORT: '0',
      LLM_API_LOG_FORMAT: 'json',
      LLM_DATABASE_URL: database.url,
      INTERNAL_TOKEN_KEYS: INTERNAL_KEYS,
      KEYCLOAK_BASE_URL: NOWHERE,
      JAN_MODEL_BASE_URL: provider.url,
      MEDIA_API_URL: NOWHERE,
    },
  })
  const exited = once(child, 'exit')
  try {
    const url = await listeningUrl(child.stdout)
    const ready = await fetch(`${url}/readyz`)
    expect([ready.status, await ready.json()]).toMatchObject([200, { degraded: ['identity', 'media-api'] }])
    const person = { kind: 'user' as const, subject: 'ann', workspaceId: 'ann', roles: [] }
    const token = await internalTokensOf('response-api').mint('llm-api', person)
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ model: 'fake-model', messages: [{ role: 'user', content: 'hi' }] }),
    })
    expect([answer.status, await answer.json()]).toMatchObject([200, { object: 'chat.completion' }])
  } finally {
    child.kill('SIGTERM')
  }
  expect(await exited).toEqual([0, null])
  await provider.close()
  await database.drop()
})

async function listeningUrl(log: NodeJS.ReadableStream): Promise<string> {
  const lines = createInterface(log)
  for await (const line of lines) {
    const url = /listening on (http:\S+?)"/.exec(line)?.[1]
    // Whoever stops reading a pipe stops the one who writes.
    if (url) return log.resume() && url
  }
  throw new Error('The service ended before it listened')
}
