import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Language, Sandbox } from '../src/sandbox/program.ts'
import { createSandbox, type SandboxOptions } from '../src/sandbox/sandbox.ts'

let stateDir: string
let sandbox: Sandbox

const open = (options: Pick<SandboxOptions, 'stateDir' | 'log'>) =>
  createSandbox({ poolSize: 2, timeoutMs: 4_000, maxOutputBytes: 1_000, maxQueue: 10, ...options })

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'jan-bombs-'))
  sandbox = open({ stateDir, log: { info: () => {}, warn: () => {} } })
  // The memory snapshot is made once.
  await sandbox.run({ language: 'python', code: '1' })
}, 120_000)

afterAll(async () => {
  await sandbox.close()
  await rm(stateDir, { recursive: true, force: true })
})

const WORKERS = `const { Worker } = await import('node:worker_threads')
const workers = []
for (let i = 0; i < 200; i++) workers.push(new Worker('while (true) {}', { eval: true }).on('error', () => {}))
await new Promise((done) => setTimeout(done, 60_000))`

test.each<[string, Language, string, RegExp]>([
  ['a loop of Python', 'python', 'while True: pass', /^timeout$/],
  ['a loop of JavaScript', 'javascript', 'while (true) {}', /^timeout$/],
  ['a sleep', 'python', 'import time\ntime.sleep(100)', /^timeout$/],
  [
    'a loop that catches everything',
    'python',
    'while True:\n  try:\n    while True: pass\n  except BaseException: pass',
    /^timeout$/,
  ],
  ['a regular expression', 'python', "import re\nre.match(r'(a+)+$', 'a' * 40 + 'b')", /^timeout$/],
  ['a gibibyte', 'python', 'len(bytearray(1 << 30))', /^(error|timeout)$/],
  [
    'ever more memory of Python',
    'python',
    'x = []\nwhile True: x.append(bytearray(1 << 20))',
    /^(error|memory|timeout)$/,
  ],
  [
    'ever more memory of JavaScript',
    'javascript',
    'const a = []; while (true) a.push(new Array(1000).fill(Math.random()))',
    /^(memory|killed|timeout)$/,
  ],
  [
    'array buffers',
    'javascript',
    'const a = []; for (let i = 0; i < 60; i++) a.push(new Uint8Array(50 << 20).fill(1))',
    /^(memory|error|killed|timeout)$/,
  ],
  [
    'a second WebAssembly memory',
    'javascript',
    'const a = []; for (let i = 0; i < 10; i++) { const m = new WebAssembly.Memory({ initial: 1, maximum: 4096 }); m.grow(4000); new Uint8Array(m.buffer).fill(1); a.push(m) }',
    /^(memory|error|killed|timeout)$/,
  ],
  ['two hundred threads', 'javascript', WORKERS, /^(killed|memory|error|timeout)$/],
  ['a flood of text', 'python', 'for i in range(200_000): print("x" * 100)', /^(ok|error|timeout)$/],
  [
    'a flood beneath the runner',
    'javascript',
    'const x = new Uint8Array(1 << 16).fill(120); for (;;) Deno.stdout.writeSync(x)',
    /^(killed|timeout)$/,
  ],
  ['endless recursion', 'python', 'def f(n): return f(n + 1)\nf(0)', /^(error|killed|timeout)$/],
  ['deep JSON', 'python', "import json\njson.loads('[' * 1_000_000)", /^(error|killed|timeout)$/],
  ['a heap of files', 'python', 'for i in range(5_000): open(f"{i}.txt", "w").write("x")', /^(ok|error|timeout)$/],
  [
    'a folder without end',
    'python',
    'import os\nfor i in range(2_000): os.mkdir("d"); os.chdir("d")',
    /^(ok|error|timeout)$/,
  ],
  [
    'a huge file',
    'python',
    'f = open("big.bin", "wb")\nfor i in range(200): f.write(bytes(1 << 20))',
    /^(ok|error|memory|timeout)$/,
  ],
])(
  '%s ends alone [B-028 H-90]',
  async (_name, language, code, reasons) => {
    const bomb = sandbox.run({ language, code })
    // Beside it another program answers.
    expect(await sandbox.run({ language: 'javascript', code: '6 * 7' })).toMatchObject({
      result: '42',
      exitReason: 'ok',
    })
    const outcome = await bomb
    expect(outcome.exitReason).toMatch(reasons)
    expect(outcome.durationMs).toBeLessThan(15_000)
    expect(outcome.files.length).toBeLessThanOrEqual(10)
    expect(Buffer.byteLength(outcome.stdout)).toBeLessThanOrEqual(1_000)
  },
  60_000,
)

test('a Python program that wants a gibibyte gets a MemoryError', async () => {
  const outcome = await sandbox.run({ language: 'python', code: 'bytearray(1 << 30)' })
  expect(outcome).toMatchObject({ exitReason: 'error', error: expect.stringContaining('MemoryError') })
})

test('a snapshot that cannot be loaded costs time, not answers', async () => {
  const broken = await mkdtemp(join(tmpdir(), 'jan-broken-'))
  const [name] = await readdir(stateDir)
  await writeFile(join(broken, name ?? ''), 'no snapshot')
  const lines: unknown[] = []
  const log = { warn: (...line: unknown[]) => void lines.push(line), info: () => {} }
  const plain = open({ stateDir: broken, log })
  expect(await plain.run({ language: 'python', code: '1 + 1' })).toMatchObject({ result: '2' })
  expect(lines).toHaveLength(1)
  await plain.close()
  expect(await readdir(broken)).toEqual([])
  await rm(broken, { recursive: true })
}, 60_000)
