import { spawn } from 'node:child_process'
import { expect, test } from '@jest/globals'

/** What a logger of `format` writes for one line with `fields`; in a process, because it writes to standard output. */
async function logged(format: 'json' | 'console', fields: object): Promise<string> {
  const logger = new URL('../src/logger.ts', import.meta.url).href
  const program = `import { createLogger } from '${logger}'
    createLogger('notes', { level: 'info', format: '${format}' }).info(${JSON.stringify(fields)}, 'hello')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return Buffer.concat(await child.stdout.toArray()).toString()
}

test('a line is JSON with its service, or one for people [P-044]', async () => {
  const [json, readable] = await Promise.all([
    logged('json', { operation: 'create_note' }),
    logged('console', { operation: 'create_note' }),
  ])
  expect(JSON.parse(json)).toMatchObject({ level: 30, service: 'notes', operation: 'create_note', msg: 'hello' })
  expect(readable).toMatch(/INFO.*notes: hello/)
})

test('credentials and what people said are never in it, at the top or one level down [H-45]', async () => {
  const secret = 'hush'
  const names = [
    'authorization',
    'cookie',
    'password',
    'token',
    'refresh_token',
    'api_key',
    'messages',
    'prompt',
    'input',
  ]
  const secrets = Object.fromEntries(names.map((name) => [name, secret]))
  const line = await logged('json', { ...secrets, request: secrets, headers: { 'x-api-key': secret, accept: 'all' } })
  expect(line).not.toContain(secret)
  expect(JSON.parse(line)).toMatchObject({ password: '[redacted]', headers: { accept: 'all' }, msg: 'hello' })
})
