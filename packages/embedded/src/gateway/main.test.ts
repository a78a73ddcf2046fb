import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { send } from './client.fixture.ts'
import { listen } from './recorder.fixture.ts'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))

const start = (env: Record<string, string>) =>
  spawn(process.execPath, [MAIN], { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'inherit'] })

async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listen(server)
  await new Promise((resolve) => server.close(resolve))
  return port
}

test('serves the shipped file on the real runtime and stops on SIGTERM', async () => {
  const service = createServer((req, res) => res.end(`saw ${req.url}`))
  const servicePort = await listen(service)
  const port = await freePort()
  const child = start({ GATEWAY_PORT: String(port), GATEWAY_HOSTS: `llm-api=${servicePort}`, GATEWAY_RATE_LIMIT: '7' })
  try {
    const [line] = await once(child.stdout, 'data')
    expect(JSON.parse(line)).toEqual({ level: 'info', message: 'ready', port })
    const answer = await send({ port }, { path: '/llm/v1/models' })
    expect([answer.body, answer.headers['x-ratelimit-limit-minute']]).toEqual(['saw /v1/models', '7'])
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  } finally {
    child.kill('SIGKILL')
    service.close()
  }
})

const VALID = { GATEWAY_PORT: '1', GATEWAY_HOSTS: 'llm-api=1' }

test.each<[string, Record<string, string>, RegExp]>([
  ['production', { ...VALID, NODE_ENV: 'production' }, /refuses NODE_ENV=production/],
  ['no port', { GATEWAY_HOSTS: 'llm-api=1' }, /GATEWAY_PORT must be a whole number/],
  ['a host without a port', { ...VALID, GATEWAY_HOSTS: 'llm-api' }, /GATEWAY_HOSTS \(llm-api\) must be/],
  ['a limit that is no number', { ...VALID, GATEWAY_RATE_LIMIT: 'many' }, /GATEWAY_RATE_LIMIT must be .* not 'many'/],
  ['a file that is not there', { ...VALID, GATEWAY_FILE: '/nowhere/kong.yml' }, /ENOENT.*nowhere/],
])('%s ends the process with one clear line', async (_name, env, message) => {
  const child = start(env)
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  expect(code).toBe(1)
  expect(JSON.parse(output)).toEqual({ level: 'fatal', message: expect.stringMatching(message) })
})
