import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { serve } from '@jan/testkit/serve'
import { expect, test } from '@jest/globals'
import { INTERNAL_TOKEN_KEYS } from './start.ts'

test('the service starts, answers and stops on the real runtime', async () => {
  const probe = await serve(() => {})
  const { port, url } = probe
  await probe.close()
  const child = spawn(process.execPath, ['--import', '@jan/service-kit/telemetry', 'src/main.ts'], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'test',
      MCP_TOOLS_HTTP_PORT: String(port),
      AUTH_ENABLED: 'false',
      INTERNAL_TOKEN_KEYS,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const exited = once(child, 'exit')
    await once(child.stdout, 'data')
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    const response = await fetch(`${url}/v1/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'google_search', arguments: { q: 'bees' } },
      }),
    })
    expect(await response.json()).toMatchObject({ result: { structuredContent: { engine: 'offline' } } })
    child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
  } finally {
    child.kill('SIGKILL')
  }
})
