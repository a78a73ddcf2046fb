import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createSandbox, type SandboxOptions } from '../src/sandbox/sandbox.ts'
import { pythonExecTool } from '../src/tools/python-exec.tool.ts'
import type { ToolCall, ToolDeps } from '../src/tools/tool.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'jan-line-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const open = (options: Partial<SandboxOptions> = {}) =>
  createSandbox({
    // As services have it: the snapshot is there already, or is made once.
    stateDir: join(tmpdir(), `jan-sandbox-${userInfo().uid}`),
    poolSize: 2,
    timeoutMs: 60_000,
    maxOutputBytes: 64 << 10,
    maxQueue: 20,
    log: { info: () => {}, warn: () => {} },
    ...options,
  })

const children = (): string[] =>
  readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').filter(Boolean)

test('of twenty programs at once two run at a time, all have their answer, and one more is refused [B-030]', async () => {
  const sandbox = open({ maxQueue: 18 })
  const before = children().length
  let most = 0
  const watch = setInterval(() => {
    most = Math.max(most, children().length - before)
  }, 5)
  const runs = Array.from({ length: 20 }, (_, i) => sandbox.run({ language: 'javascript', code: `${i} * 2` }))
  await expect(sandbox.run({ language: 'javascript', code: '1' })).rejects.toMatchObject({
    name: 'SandboxBusy',
    message: '18 programs are waiting already',
  })
  expect((await Promise.all(runs)).map(({ result }) => result)).toEqual(runs.map((_, i) => String(i * 2)))
  clearInterval(watch)
  expect(most).toBeGreaterThan(0)
  expect(most).toBeLessThanOrEqual(2)
  await sandbox.close()
}, 60_000)

test('programs have their turn in the order they came [B-030]', async () => {
  const sandbox = open({ poolSize: 1 })
  const finished: number[] = []
  const runs = Array.from({ length: 6 }, (_, i) =>
    sandbox.run({ language: 'javascript', code: '1' }).then(() => finished.push(i)),
  )
  await Promise.all(runs)
  expect(finished).toEqual([0, 1, 2, 3, 4, 5])
  await sandbox.close()
}, 60_000)

test('a model that finds the line full is told to come again [B-030]', async () => {
  const sandbox = open({ poolSize: 1, maxQueue: 0 })
  const running = sandbox.run({ language: 'javascript', code: 'while (true) {}' }).catch(() => undefined)
  const deps = { sandbox, sandboxNeedsApproval: false } as unknown as ToolDeps
  const asking = { caller: { kind: 'user' }, signal: new AbortController().signal } as ToolCall
  await expect(pythonExecTool.run(deps, asking, { code: '1', language: 'javascript' })).rejects.toMatchObject({
    code: 'unavailable',
    message: 'The sandbox is busy with other programs; try again soon',
  })
  await sandbox.close()
  await running
}, 60_000)

test('a wheel of the operator’s is imported when it is needed, with what it needs, and nothing else is [B-027]', async () => {
  const wheels = join(folder, 'wheels, of ours')
  await mkdir(wheels)
  // The sandbox makes what it is given then.
  const maker = open({ poolSize: 1 })
  const { files } = await maker.run({
    language: 'python',
    code: `import zipfile
def make(name, files):
    with zipfile.ZipFile(f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
        wheel.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n")
make("greeting", {"greeting/__init__.py": "from words import HELLO\\n", "greeting/loud.py": "from . import HELLO\\nLOUD = HELLO.upper()\\n"})
make("words", {"words.py": "HELLO = 'hello'\\n"})`,
  })
  for (const { name, bytes } of files) await writeFile(join(wheels, name), bytes)
  await maker.close()
  const sandbox = open({ poolSize: 1, wheelsDir: wheels })
  const code = `import sys
before = "words" in sys.modules
from greeting.loud import LOUD
import importlib.metadata, importlib.util
[before, LOUD, importlib.metadata.version("greeting"), importlib.util.find_spec("numpy")]`
  expect(await sandbox.run({ language: 'python', code })).toMatchObject({
    result: "[False, 'HELLO', '1.0', None]",
    files: [],
  })
  const removal = 'import os\nos.remove("/wheels/words-1.0-py3-none-any.whl")'
  expect(await sandbox.run({ language: 'python', code: removal })).toMatchObject({ exitReason: 'error' })
  expect((await readdir(wheels)).toSorted()).toEqual(files.map(({ name }) => name).toSorted())
  await sandbox.close()
}, 120_000)
