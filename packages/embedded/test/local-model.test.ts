import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from '@jest/globals'
import { readLayout } from '../src/layout.ts'
import { describeParts } from '../src/parts.ts'

const folder = mkdtempSync(join(tmpdir(), 'jan-no-model-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const secrets = {
  postgresPassword: 'p',
  identityAdminPassword: 'i',
  backendClientSecret: 'b',
  internalTokenKeys: 'k:x',
  fieldEncryptionKeys: 'k:y',
  mediaUrlSecret: 'm',
}
const partsOf = (env: NodeJS.ProcessEnv) => {
  const layout = readLayout({ JAN_PORT_OFFSET: '100' })
  const parts = describeParts({ layout, secrets, env, databaseUrl: (name) => `postgres://db/${name}` })
  return Object.fromEntries(parts.map((part) => [part.name, part]))
}

test('a model file takes the place of the simulator, and of nothing else [L-014 P-063]', () => {
  const parts = partsOf({ JAN_MODEL_GGUF: '/models/Qwen3-4B-Q4_K_M.gguf' })
  expect(parts.simulator).toBeUndefined()
  expect(parts['local-model']?.env).toMatchObject({
    JAN_MODEL_GGUF: '/models/Qwen3-4B-Q4_K_M.gguf',
    LOCAL_MODEL_HTTP_PORT: '8202',
  })
  expect(parts['llm-api']?.env).toMatchObject({
    JAN_MODEL_BASE_URL: 'http://localhost:8202/v1',
    JAN_MODEL: 'Qwen3-4B-Q4_K_M',
    DEFAULT_MODEL: 'Qwen3-4B-Q4_K_M',
  })
  expect(parts['llm-api']?.env.LOCAL_MODEL_URL).toBeUndefined()
})

test('beside a configured provider it is one more, and nothing is started that was not asked for [L-014]', () => {
  const env = { JAN_MODEL_BASE_URL: 'http://localhost:11434/v1', JAN_MODEL: 'qwen3' }
  const both = partsOf({ ...env, JAN_MODEL_GGUF: '/models/tiny.gguf' })['llm-api']?.env
  expect(both).toMatchObject({ LOCAL_MODEL_URL: 'http://localhost:8202/v1', DEFAULT_MODEL: 'qwen3' })
  expect(both?.JAN_MODEL_BASE_URL).toBeUndefined()
  expect(Object.keys(partsOf(env))).not.toContain('local-model')
  expect(Object.keys(partsOf({}))).not.toContain('local-model')
})

const text = join(folder, 'text.gguf')
writeFileSync(text, 'GGML')

test.each([
  ['a file that is not there', join(folder, 'gone.gguf'), `there is no file ${join(folder, 'gone.gguf')}`],
  ['a folder', folder, `${folder} is not a file`],
  ['another kind of file', text, `${text} is not a model in GGUF format (it does not begin with GGUF)`],
])('%s is refused in one line, and nothing was started or installed [L-014 P-063]', async (_name, file, why) => {
  const env = {
    PATH: process.env.PATH,
    JAN_PORT_OFFSET: '14700',
    JAN_STATE_DIR: join(folder, 'state'),
    JAN_MODEL_GGUF: file,
  }
  const cli = (command: string) =>
    promisify(execFile)(process.execPath, [join(import.meta.dirname, '../src/cli.ts'), command], { env })
  for (const command of ['start', 'start-bg'])
    await expect(cli(command)).rejects.toMatchObject({ code: 1, stdout: '', stderr: `JAN_MODEL_GGUF: ${why}\n` })
  await expect(cli('doctor')).rejects.toMatchObject({
    code: 1,
    stdout: expect.stringContaining(`  NO   JAN_MODEL_GGUF: ${why}`),
  })
})
