import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { createTestDatabase } from '@jan/testkit/postgres'
import { expect, test } from '@jest/globals'
import { internalKeys } from './boot.ts'
import { fakeModel } from './fake-model.ts'
import { fakeTools, said } from './fake-tools.ts'

test('on the real runtime the service starts, answers with tools, and stops when told', async () => {
  const [database, model, tools] = await Promise.all([
    createTestDatabase({ service: 'response-api' }),
    fakeModel(),
    fakeTools(),
  ])
  const child = spawn('node', ['--import', '@jan/service-kit/telemetry', 'src/main.ts'], {
    cwd: new URL('..', import.meta.url),
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      RESPONSE_API_HTTP_PORT: '0',
      RESPONSE_API_LOG_FORMAT: 'json',
      RESPONSE_DATABASE_URL: database.url,
      INTERNAL_TOKEN_KEYS: internalKeys,
      LLM_API_URL: model.url,
      MCP_TOOLS_URL: tools.url,
      DEFAULT_MODEL: 'm',
      AUTH_ENABLED: 'false',
    },
  })
  const exited = once(child, 'exit')
  try {
    const url = await addressFrom(child.stdout)
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    tools.offer({ now: () => said('noon') })
    model.play({ calls: [{ name: 'now', args: '{}' }] }, { text: ['It is noon'] })
    const answer = await fetch(`${url}/v1/responses`, { method: 'POST', body: JSON.stringify({ input: 'When?' }) })
    expect(await answer.json()).toMatchObject({
      status: 'completed',
      output: [{ type: 'mcp_call', output: 'noon' }, { type: 'message' }],
    })
    child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
  } finally {
    child.kill('SIGKILL')
    await Promise.all([model.close(), tools.close()])
    await database.drop()
  }
})

async function addressFrom(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const { msg } = JSON.parse(line) as { msg: string }
    if (msg.startsWith('listening on ')) {
      output.resume()
      return msg.slice('listening on '.length)
    }
  }
  throw new Error('the service ended without listening')
}
