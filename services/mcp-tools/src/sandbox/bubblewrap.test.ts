import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { findBubblewrap, wrapInBubblewrap } from './bubblewrap.ts'
import { buildDenoCommand } from './deno-command.ts'
import { locateRuntime } from './sandbox-runtime.ts'

let folder: string
const log = () => {
  const lines: unknown[][] = []
  const add =
    (level: string) =>
    (...line: unknown[]) =>
      void lines.push([level, ...line])
  return { lines, info: add('info'), warn: add('warn') }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'jan-bwrap-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function script(name: string, text: string): Promise<string> {
  const file = join(folder, name)
  await writeFile(file, `#!/bin/sh\n${text}\n`)
  await chmod(file, 0o755)
  return file
}

test('a second wall leaves no network, no capabilities, and of the files only what Deno reads [B-028]', () => {
  const runtime = { deno: '/d/deno', pyodideDir: '/p', runner: '/r/runner.mjs', versions: '1' }
  const options = { snapshotFile: '/s/a.snapshot', wheelsDir: '/w', cpuSeconds: 60, bubblewrap: '/usr/bin/bwrap' }
  const { file, args, env } = buildDenoCommand(runtime, 'python', options)
  expect([file, args[1]]).toEqual(['/bin/sh', expect.stringContaining('ulimit -f 0')])
  const wall = args.slice(args.indexOf('/usr/bin/bwrap'), args.indexOf('--'))
  expect(wall).toEqual(expect.arrayContaining(['--unshare-all', '--die-with-parent', '--new-session', '--clearenv']))
  const pairs = (flag: string) => wall.flatMap((each, at) => (each === flag ? [wall[at + 1]] : []))
  expect(pairs('--ro-bind')).toEqual(['/d/deno', '/r/runner.mjs', '/p', '/s/a.snapshot', '/w'])
  expect(wall.filter((each) => each.startsWith('--bind'))).toEqual([])
  expect(pairs('--setenv').toSorted()).toEqual(Object.keys(env).toSorted())
  const inside = args.slice(args.indexOf('--') + 1)
  expect(inside.slice(0, 2)).toEqual(['/d/deno', 'run'])
  expect(inside).toContain('--allow-read=/p,/s/a.snapshot,/w')
  const javascript = buildDenoCommand(runtime, 'javascript', { ...options, snapshotFile: undefined }).args
  expect(javascript).toContain('--deny-read')
  expect(javascript).not.toContain('/w')
})

test('where there is none, programs run without it, and the log says so [B-028]', async () => {
  const lines = log()
  expect(await findBubblewrap(locateRuntime(), lines, [join(folder, 'absent')])).toBeUndefined()
  expect(lines.lines).toMatchObject([['info', { bubblewrap: null }, expect.any(String)]])
})

test('one that works is used, one that may not work here is told and passed over [B-028]', async () => {
  const works = await script('works', 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
  const refuses = await script('refuses', 'echo "No permissions to create new namespace" >&2; exit 1')
  const [good, bad] = [log(), log()]
  expect(await findBubblewrap(locateRuntime(), good, [works])).toBe(works)
  expect(good.lines).toMatchObject([['info', { bubblewrap: works }, expect.any(String)]])
  expect(await findBubblewrap(locateRuntime(), bad, [refuses])).toBeUndefined()
  expect(bad.lines).toMatchObject([['warn', { bubblewrap: refuses }, expect.any(String)]])
})

test('Deno starts with nothing in its environment but what it is given [B-028]', () => {
  expect(wrapInBubblewrap('bwrap', '/d', { env: { A: 'b' }, readable: [] }).join(' ')).toContain(
    '--clearenv --setenv A b',
  )
})
