import { silentLogger } from '@jan/service-kit/logger'
import { until } from '@jan/testkit/until'
import { expect, test } from '@jest/globals'
import type { ToolDeps } from '../tools/tool.ts'
import type { ProgramOutcome, Sandbox } from './program.ts'
import { pythonExec } from './python-exec.ts'

const ID = 'jan_00000000000000000000000000'
const DONE: ProgramOutcome = {
  ...{ stdout: '', stderr: '', result: null, error: null, exitReason: 'ok', exitCode: 0, compileOutput: null },
  ...{ truncated: false, stdoutTruncated: false, stderrTruncated: false, durationMs: 1, files: [], leftFiles: [] },
}

/** A sandbox whose programs end when they are let, and a store that counts what it was asked for. */
function open() {
  const gate = Promise.withResolvers<void>()
  let running = 0
  let asked = 0
  const sandbox: Sandbox = {
    run: async () => {
      running += 1
      await gate.promise
      return DONE
    },
    close: async () => {},
  }
  const mediaApi = {
    json: async ({ method }: { method: string }) => {
      asked += 1
      return method === 'GET'
        ? { bytes: 1, filename: 'a.txt' }
        : { media: [{ id: ID, mime: 'text/plain', bytes: 1, data_url: 'data:text/plain;base64,YQ==' }] }
    },
  }
  const deps = { sandbox, mediaApi } as unknown as ToolDeps
  const run = (files: string[], signal = new AbortController().signal) =>
    pythonExec(
      deps,
      {
        ...{ requestId: 'r1', log: silentLogger, signal },
        caller: { kind: 'user', subject: 'ada', workspaceId: 'ada', roles: [] },
      },
      { code: '1', language: 'python', files },
    )
  return { run, gate, running: () => running, asked: () => asked }
}

test('calls that wait hold no files: four bring theirs, a hundred wait, one more is refused [B-029 B-030]', async () => {
  const sandbox = open()
  const calls = Array.from({ length: 104 }, () => sandbox.run([ID]))
  await until(() => sandbox.running() === 4)
  await expect(sandbox.run([ID])).rejects.toMatchObject({
    name: 'SandboxBusy',
    message: '100 programs with files are waiting already',
  })
  expect(sandbox.asked()).toBe(8)
  // Who has no files has nothing to wait for here.
  const plain = sandbox.run([])
  await until(() => sandbox.running() === 5)
  sandbox.gate.resolve()
  await Promise.all([...calls, plain])
  expect([sandbox.running(), sandbox.asked()]).toEqual([105, 208])
})

test('a call that leaves while it waits brings nothing, and files that cannot be had give the turn back [B-029]', async () => {
  const sandbox = open()
  for (let i = 0; i < 5; i++) await expect(sandbox.run(['nothing'])).rejects.toThrow('no media id')
  const calls = Array.from({ length: 4 }, () => sandbox.run([ID]))
  await until(() => sandbox.running() === 4)
  const leaving = new AbortController()
  const waiting = sandbox.run([ID], leaving.signal)
  leaving.abort(new Error('left'))
  await expect(waiting).rejects.toThrow('left')
  sandbox.gate.resolve()
  await Promise.all(calls)
  expect(sandbox.asked()).toBe(8)
})
