import { type Served, serve } from '@jan/testkit/serve'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Program, Sandbox } from './program.ts'
import { createSandboxFusion, type SandboxFusionOptions } from './sandbox-fusion.client.ts'
import { createFusionFake } from './sandbox-fusion.fake.ts'

const fake = createFusionFake()
let server: Served
let sandbox: Sandbox

const open = (options: Partial<SandboxFusionOptions> = {}) =>
  createSandboxFusion({
    url: `${server.url}/`,
    timeoutMs: 30_000,
    maxOutputBytes: 1_000,
    maxQueue: 10,
    maxFiles: 3,
    maxFileBytes: 1_000,
    ...options,
  })
const run = (code: string, more: Partial<Program> = {}) => sandbox.run({ language: 'python', code, ...more })

beforeAll(async () => {
  server = await serve(fake.listener)
  sandbox = open()
})
afterAll(async () => {
  await sandbox.close()
  await server.close()
})

test('a program is sent whole, and what came of it is told whole [B-032 B-066 P-049]', async () => {
  const code = 'echo; open("data.csv"); open("out/plot.svg", "w"); open(\'./b.json\', "w"); "no file."; "../c.txt"'
  const outcome = await run(code, { files: [{ name: 'data.csv', bytes: Buffer.from('a,b') }] })
  expect(fake.requests.at(-1)).toEqual({
    code,
    language: 'python',
    compile_timeout: 25,
    run_timeout: 25,
    files: { 'data.csv': Buffer.from('a,b').toString('base64') },
    fetch_files: ['data.csv', 'out/plot.svg', 'b.json'],
    userAgent: 'Jan-MCP-SandboxFusion/1.0',
  })
  expect(outcome).toEqual({
    stdout: 'data.csv=a,b\n',
    stderr: '',
    result: null,
    error: null,
    truncated: false,
    stdoutTruncated: false,
    stderrTruncated: false,
    durationMs: 12,
    exitReason: 'ok',
    exitCode: 0,
    compileOutput: null,
    files: [
      { name: 'out/plot.svg', bytes: Buffer.from('of out/plot.svg') },
      { name: 'b.json', bytes: Buffer.from('of b.json') },
    ],
    leftFiles: [],
  })
})

test('JavaScript is what the service calls nodejs [B-032]', async () => {
  await run('echo', { language: 'javascript' })
  expect(fake.requests.at(-1)?.language).toBe('nodejs')
})

test.each([
  [
    'fail',
    {
      exitReason: 'error',
      exitCode: 3,
      stdout: 'begun\n',
      stderr: 'Traceback\n',
      error: 'The program ended with exit code 3',
    },
  ],
  [
    'late',
    {
      exitReason: 'timeout',
      exitCode: null,
      stdout: 'so far',
      error: 'The program was stopped because it took too long',
    },
  ],
  ['broken', { exitReason: 'killed', exitCode: null, error: 'no room for another program' }],
  ['compile', { exitReason: 'error', exitCode: 1, compileOutput: 'main.c:1: what?' }],
  [
    'flood',
    { exitReason: 'ok', truncated: true, stdoutTruncated: true, stderrTruncated: false, stdout: 'x'.repeat(1_000) },
  ],
])('a program that ends by "%s" is told as it ended [B-032 B-066]', async (code, outcome) => {
  expect(await run(code)).toMatchObject(outcome)
})

test('what the service refuses, and what is no answer, is no outcome [B-032]', async () => {
  await expect(run('refuse')).rejects.toMatchObject({
    name: 'SandboxUnavailable',
    message: 'sandboxfusion error (422): language: field required',
  })
  await expect(run('nonsense')).rejects.toMatchObject({ name: 'SandboxUnavailable' })
  const away = open({ url: 'http://127.0.0.1:1' })
  await expect(away.run({ language: 'python', code: '1' })).rejects.toMatchObject({
    name: 'SandboxUnavailable',
    message: 'SandboxFusion is not reachable',
  })
})

test('an answer that does not come is a time-out, and a caller who leaves is let go [B-032]', async () => {
  const hurried = open({ timeoutMs: 100 })
  expect(await hurried.run({ language: 'python', code: 'hang' })).toMatchObject({
    exitReason: 'timeout',
    error: 'The program was stopped after 0.1 s',
  })
  const leaving = new AbortController()
  const seen = fake.requests.length
  const running = run('hang', { signal: leaving.signal })
  await until(() => fake.requests.length > seen)
  const reason = new Error('left')
  leaving.abort(reason)
  await expect(running).rejects.toBe(reason)
})

test('closing ends what runs and refuses what comes [B-032]', async () => {
  const line = open()
  const seen = fake.requests.length
  const running = line.run({ language: 'python', code: 'hang' })
  await until(() => fake.requests.length > seen)
  await line.close()
  expect(await running).toMatchObject({ exitReason: 'killed' })
  await expect(line.run({ language: 'python', code: 'echo' })).rejects.toMatchObject({ name: 'SandboxUnavailable' })
})
