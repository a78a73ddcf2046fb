import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Served, serve } from '@jan/testkit/serve'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Sandbox } from '../src/sandbox/program.ts'
import { createSandbox } from '../src/sandbox/sandbox.ts'
import { type Attack, FILES, HOST, NETWORK, TRACES } from './sandbox-attacks.ts'

let folder: string
let server: Served
let sandbox: Sandbox
const reached: (string | undefined)[] = []
const warnings: unknown[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'jan-attacks-'))
  await writeFile(join(folder, 'secret.json'), '"SECRET"')
  await mkdir(join(folder, 'state'))
  server = await serve((request, response) => {
    reached.push(request.url)
    response.end('LEAK')
  })
  sandbox = createSandbox({
    stateDir: join(folder, 'state'),
    poolSize: 2,
    timeoutMs: 20_000,
    maxOutputBytes: 64 << 10,
    maxQueue: 100,
    log: { info: () => {}, warn: (...line: unknown[]) => void warnings.push(line) },
  })
}, 60_000)

afterAll(async () => {
  await sandbox.close()
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

const run = (code: string) =>
  sandbox.run({
    language: 'python',
    code: code.replaceAll('PORT', String(server.port)).replaceAll('FOLDER', folder),
  })

describe.each([
  ['the network', NETWORK],
  ['the files', FILES],
  ['the host', HOST],
])('%s [B-028 H-89]', (_what, attacks) => {
  test.each(attacks.map((attack) => [attack.name, attack] as const))(
    'is out of reach by: %s',
    async (_name, attack) => {
      const outcome = await run(attack.code)
      // Refused, not merely slow: a process that was stopped proves nothing.
      expect(outcome.exitReason).toMatch(/^(ok|error)$/)
      expect(isRefused(attack, outcome)).toBe(true)
      expect(JSON.stringify(outcome)).not.toMatch(/LEAK|SECRET|FORGED|root:/)
    },
    60_000,
  )
})

const isRefused = ({ harmless }: Attack, { error, result }: { error: string | null; result: string | null }) =>
  error !== null || result === null || /^REFUSED/.test(result) || (harmless?.test(result) ?? false)

test('nobody was reached, nothing was written and nothing complained [B-028]', async () => {
  expect(reached).toEqual([])
  expect(warnings).toEqual([])
  const pyodide = dirname(fileURLToPath(import.meta.resolve('pyodide/package.json')))
  expect((await readdir(pyodide)).filter((name) => name.includes('pwned'))).toEqual([])
  expect((await readdir(folder)).toSorted()).toEqual(['secret.json', 'state'])
})

test.each(TRACES.map((trace) => [trace.name, trace] as const))(
  'what one program leaves in %s, the next one does not find [B-027]',
  async (_name, { leave, look }) => {
    const left = await run(`${leave}\n"LEFT"`)
    const found = await run(look)
    expect(JSON.stringify([left.result, found.stdout, found.result])).not.toContain('KEPT')
    expect(found).toMatchObject({ exitReason: 'error', result: null })
  },
  60_000,
)
