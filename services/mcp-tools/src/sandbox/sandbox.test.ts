import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Sandbox } from './program.ts'
import { createSandbox, type SandboxOptions } from './sandbox.ts'

let stateDir: string
let sandbox: Sandbox
let port: number
const warnings: unknown[] = []
const hits: (string | undefined)[] = []
const leak = createServer((request, response) => {
  hits.push(request.url)
  response.end('LEAK')
})

const open = (options: Partial<SandboxOptions> = {}): Sandbox =>
  createSandbox({
    stateDir,
    poolSize: 1,
    timeoutMs: 15_000,
    maxOutputBytes: 64 << 10,
    maxQueue: 20,
    log: { warn: (...line: unknown[]) => void warnings.push(line), info: () => {} },
    ...options,
  })

const python = (code: string) => sandbox.run({ language: 'python', code })
const javascript = (code: string) => sandbox.run({ language: 'javascript', code })
/** Between two looks at a condition. */
const tick = () => new Promise((resolve) => setTimeout(resolve, 10))
const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`)
const children = (): number[] =>
  readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)

/** The process id of the next child that this process starts. */
async function nextChild(): Promise<number> {
  const before = children()
  for (;;) {
    const child = children().find((pid) => !before.includes(pid))
    if (child !== undefined) return child
    await tick()
  }
}

beforeAll(async () => {
  // A space and a comma: Deno's permission lists are read at commas.
  stateDir = await mkdtemp(join(tmpdir(), 'sandbox a,b '))
  await new Promise<void>((resolve) => leak.listen(0, '127.0.0.1', resolve))
  port = (leak.address() as AddressInfo).port
  sandbox = open()
}, 60_000)

afterAll(async () => {
  await sandbox.close()
  leak.close()
  await rm(stateDir, { recursive: true, force: true })
  expect(hits).toEqual([])
  expect(warnings).toEqual([])
})

describe('programs [P-022]', () => {
  test('a Python program’s output, last value and exit code come back [B-066]', async () => {
    const code = `import csv, io, statistics, sys
rows = list(csv.DictReader(io.StringIO("""city,rain
Oslo,763
Rome,799
Cairo,25
""")))
print(max(rows, key=lambda row: int(row["rain"]))["city"])
print("careful", file=sys.stderr)
statistics.mean(int(row["rain"]) for row in rows)`
    expect(await python(code)).toMatchObject({
      stdout: 'Rome\n',
      stderr: 'careful\n',
      result: '529',
      error: null,
      truncated: false,
      exitReason: 'ok',
      exitCode: 0,
    })
    expect(await readdir(stateDir)).toEqual([expect.stringMatching(/^pyodide-.*\.snapshot$/)])
  }, 60_000)

  test('an exception is told with its line and without our own frames', async () => {
    const outcome = await python('def broken():\n    return 1 / 0\nprint("before")\nbroken()')
    expect(outcome).toMatchObject({ stdout: 'before\n', result: null, exitReason: 'error', exitCode: 1 })
    expect(outcome.error).toContain('File "main.py", line 2, in broken')
    expect(outcome.error).toContain('ZeroDivisionError: division by zero')
    expect(outcome.error).not.toContain('eval_code_async')
  })

  test('leaving by sys.exit is success without a code and failure with one; unflushed output is not lost [B-066]', async () => {
    const left = await python('import asyncio, sys\nawait asyncio.sleep(0.01)\nprint("no newline", end="")\nsys.exit()')
    expect(left).toMatchObject({ stdout: 'no newline', result: null, error: null, exitReason: 'ok', exitCode: 0 })
    const failed = await python('import sys\nsys.exit("no")')
    expect(failed).toMatchObject({ error: 'SystemExit: no', exitReason: 'error', exitCode: 1 })
  })

  test('JavaScript has a console, a last value, await and readable errors', async () => {
    const code = 'console.log("a", { b: 1 }); process.stdout.write("d"); console.error("c"); const x = 40; x + 2'
    expect(await javascript(code)).toMatchObject({
      stdout: 'a { b: 1 }\nd',
      stderr: 'c\n',
      result: '42',
    })
    expect(await javascript('return await Promise.resolve({ x: [1] })')).toMatchObject({ result: '{ x: [ 1 ] }' })
    expect(await javascript('const f = () => { throw new TypeError("boom") }\nf()')).toMatchObject({
      error: expect.stringMatching(/TypeError: boom\n\s+at f \(main\.js/),
      exitReason: 'error',
      exitCode: 1,
    })
    expect(await javascript('import("node:path").then((path) => path.basename("/a/b"))')).toMatchObject({ result: 'b' })
    expect((await javascript('let let = 1')).error).toMatch(/^SyntaxError/m)
    expect((await javascript('Promise.reject(new Error("late")); await new Promise(() => {})')).error).toMatch('late')
  })
})

test('one program knows nothing of another: globals, files and the state of random are its own', async () => {
  const code = `import json, os, random
seen = ["secret" in globals(), os.path.exists("/home/pyodide/note")]
secret = 1
open("/home/pyodide/note", "w").write("secret")
json.dumps([seen, random.random(), dict(os.environ)])`
  const outcomes = [await python(code), await python(code)]
  const [first, second] = outcomes.map(({ result }) => JSON.parse(result ?? 'null') as [boolean[], number, object])
  expect(first?.[0]).toEqual([false, false])
  expect(second?.[0]).toEqual([false, false])
  // Every process starts from the same snapshot, which holds one state of the generator.
  expect(first?.[1]).not.toBe(second?.[1])
  expect(JSON.stringify(second?.[2])).not.toMatch(/JEST|NODE_/)
})

/** Tries every attack in one process; names the ones that got anywhere. */
const PYTHON_ATTEMPTS = (attacks: string[]) => `import json
from pyodide.code import eval_code_async
reached = []
for attack in json.loads(${JSON.stringify(JSON.stringify(attacks))}):
    try:
        await eval_code_async(attack, {})
        reached.append(attack)
    except BaseException:
        pass
json.dumps(reached)`

const JAVASCRIPT_ATTEMPTS = (attacks: string[]) => `
const reached = []
for (const attack of ${JSON.stringify(attacks)}) {
  try {
    await (0, eval)('(async () => {' + attack + '})()')
    reached.push(attack)
  } catch {}
}
return JSON.stringify(reached)`

/** One process each; test/sandbox-attacks.platform.test.ts has a process for each attack, and more of them. */
describe('the host is out of reach [H-89]', () => {
  const inJavaScript = () =>
    [
      'localStorage.setItem("x", "kept")',
      'await caches.open("v1").then((cache) => cache.put("http://x.test/a", new Response("kept")))',
      'const fs = await import("node:fs"); fs.writeFileSync("/tmp/kept", "x")',
      'const s = await import("node:sqlite"); new s.DatabaseSync("/tmp/kept.db").exec("create table t(a)")',
      'const fs = await import("node:fs"); fs.readFileSync("/etc/passwd", "utf8")',
      'const fs = await import("node:fs"); fs.readdirSync("/")',
      `const fs = await import("node:fs"); fs.readdirSync(${JSON.stringify(stateDir)})`,
      'const fs = await import("node:fs"); fs.readFileSync("/proc/self/environ", "utf8")',
      'const c = await import("node:child_process"); c.execSync("id")',
      'const { default: p } = await import("node:process"); p.kill(p.ppid, 0)',
      'const n = await import("node:net"); await new Promise((r, j) => n.connect(PORT, "127.0.0.1", r).on("error", j))',
      'const n = await import("node:net"); await new Promise((r, j) => n.connect("/run/x.sock", r).on("error", j))',
      'const n = await import("node:net"); await new Promise((r, j) => n.createServer().on("error", j).listen(0, r))',
      'const d = await import("node:dns/promises"); await d.lookup("localhost")',
      'const os = await import("node:os"); os.hostname()',
      'const i = await import("node:inspector"); i.open(0)',
      'await import("http://127.0.0.1:PORT/module.js")',
      'await import("npm:lodash")',
      'await import("file:///etc/passwd", { with: { type: "text" } })',
      'await fetch("http://127.0.0.1:PORT/fetch")',
      'await new Promise((r, j) => Object.assign(new WebSocket("ws://127.0.0.1:PORT/"), { onopen: r, onerror: j }))',
      'Deno.readTextFileSync("/etc/passwd")',
      'Deno.env.toObject()',
      'new Deno.Command("/usr/bin/id").outputSync()',
      'Deno.dlopen("libc.so.6", { getpid: { parameters: [], result: "i32" } })',
      'if ((await Deno.permissions.request({ name: "net" })).state !== "granted") throw new Error("denied")',
      'process.kill(process.ppid, 0)',
    ].map((attack) => attack.replaceAll('PORT', String(port)))

  test('for JavaScript', async () => {
    expect(await javascript(JAVASCRIPT_ATTEMPTS(inJavaScript()))).toMatchObject({ result: '[]', error: null })
  })

  test('for Python', async () => {
    const attacks = [
      'import js\nawait js.fetch("http://127.0.0.1:PORT/fetch")',
      'from pyodide.http import pyfetch\nawait pyfetch("http://127.0.0.1:PORT/pyfetch")',
      'import urllib.request\nurllib.request.urlopen("http://127.0.0.1:PORT/urllib", timeout=3)',
      'import socket\nsocket.create_connection(("127.0.0.1", PORT), 3).send(b"GET /socket HTTP/1.0\\r\\n\\r\\n")',
      'open("/etc/passwd")',
      'import subprocess\nsubprocess.run(["id"])',
      'import os\nos.fork()',
      'import os\nos.kill(os.getppid(), 0)',
      'import pyodide_js\npyodide_js.mountNodeFS("/mnt/etc", "/etc")\nopen("/mnt/etc/passwd")',
      'import js\njs.Deno.env.toObject()',
      'import js\njs.Deno.readTextFileSync("/etc/passwd")',
      'import micropip',
    ].map((attack) => attack.replaceAll('PORT', String(port)))
    expect(await python(PYTHON_ATTEMPTS(attacks))).toMatchObject({ result: '[]', error: null })
  })

  test('for a worker thread', async () => {
    const outcome = await javascript(`const { Worker } = await import("node:worker_threads")
      const code = 'fetch("http://127.0.0.1:${port}/worker").then(() => require("node:worker_threads").parentPort.postMessage(1))'
      return await new Promise((r, j) => new Worker(code, { eval: true }).on("message", r).on("error", j).on("exit", j))`)
    expect(outcome).toMatchObject({ result: null, error: expect.stringMatching(/\S/) })
  })

  test('the environment holds nothing of ours', async () => {
    const outcome = await javascript('JSON.stringify({ ...process.env })')
    expect(outcome.result ?? outcome.error).not.toMatch(/JEST|NODE|USER/)
  })
})

/** More of them in test/sandbox-bombs.platform.test.ts. */
describe('limits [H-90]', () => {
  let brief: Sandbox
  beforeAll(() => {
    brief = open({ timeoutMs: 700, maxOutputBytes: 1_000, maxFileBytes: 1_000 })
  })
  afterAll(() => brief.close())

  const ended = {
    stdout: 'so far\n',
    result: null,
    exitReason: 'timeout',
    error: 'The program was stopped after 0.7 s',
  }

  test('JavaScript programs that do not end are ended, and what they printed is kept', async () => {
    const wide = open({ poolSize: 3, timeoutMs: 700 })
    const endless = [
      'while (true) {}',
      'await new Promise(() => setInterval(() => {}, 1000))',
      'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)',
    ]
    const runs = endless.map((code) => wide.run({ language: 'javascript', code: `console.log("so far"); ${code}` }))
    expect(await Promise.all(runs)).toEqual(endless.map(() => expect.objectContaining(ended)))
    await wide.close()
  })

  test('a Python program that does not end is ended, and what it printed is kept', async () => {
    const code = 'print("so far")\nwhile True:\n    try:\n        while True: pass\n    except BaseException: pass'
    expect(await brief.run({ language: 'python', code })).toMatchObject(ended)
  })

  test('a program that wants too much memory is ended, and told so', async () => {
    const heap = await javascript('const a = []; while (true) a.push(new Array(1000).fill(Math.random()))')
    expect(heap).toMatchObject({ exitReason: 'memory', error: expect.stringContaining('memory') })
  })

  test('a flood of output is cut', async () => {
    const printed = await brief.run({ language: 'python', code: 'for i in range(20000): print("é" * 99)\n"é" * 9999' })
    expect(printed.truncated).toBe(true)
    expect(Buffer.byteLength(printed.stdout)).toBeLessThanOrEqual(1_000)
    expect(printed.stdout).toMatch(/^[é\n]+$/)
    expect(Buffer.byteLength(printed.result ?? '')).toBeLessThanOrEqual(1_000)
    const raw = 'const x = new Uint8Array(1 << 16).fill(120); for (;;) Deno.stdout.writeSync(x)'
    const flooded = await brief.run({ language: 'javascript', code: raw })
    expect(flooded).toMatchObject({ stdout: '', result: null, exitReason: 'killed' })
  })

  test('a forged answer is not taken for the runner’s', async () => {
    const forged = [
      '{"result":"FORGED","error":null}',
      'ready {"snapshot":true}',
      '\u0000{"result":"FORGED","error":null}',
      '{"stdout":"FORGED"}',
    ]
    const code = `for (const line of ${JSON.stringify(forged)}) Deno.stdout.writeSync(new TextEncoder().encode("\\n" + line + "\\n"))
"real"`
    expect(await javascript(code)).toMatchObject({ stdout: '', result: 'real', exitReason: 'ok' })
  })

  test('a program that ends its own process is told so, with its code [B-066]', async () => {
    const outcome = await javascript('process.exit(7)')
    expect(outcome).toMatchObject({ result: null, exitReason: 'killed', exitCode: 7 })
  })
})

describe('turns', () => {
  test('a caller who leaves ends the program, or gives up the place in line', async () => {
    const line = open()
    const leaving = new AbortController()
    const reason = new Error('left')
    const started = nextChild()
    const running = line.run({ language: 'javascript', code: 'while (true) {}', signal: leaving.signal })
    const waiting = line.run({ language: 'javascript', code: '1', signal: leaving.signal })
    const child = await started
    leaving.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    await expect(running).rejects.toBe(reason)
    expect(isAlive(child)).toBe(false)
    await expect(line.run({ language: 'javascript', code: '2' })).resolves.toMatchObject({ result: '2' })
    await expect(line.run({ language: 'javascript', code: '3', signal: leaving.signal })).rejects.toBe(reason)
    await line.close()
  })

  test('closing ends what runs, refuses what waits, and nothing starts any more', async () => {
    const line = open()
    const started = nextChild()
    const [running, waiting] = ['while (true) {}', '1'].map((code) =>
      line.run({ language: 'javascript', code }).catch((error: unknown) => error),
    )
    const child = await started
    await line.close()
    expect(isAlive(child)).toBe(false)
    expect(await waiting).toMatchObject({ name: 'SandboxUnavailable' })
    // Whether it had begun is a matter of milliseconds.
    const ended = await running
    expect(ended).toMatchObject(ended instanceof Error ? { name: 'SandboxUnavailable' } : { exitReason: 'killed' })
    await expect(line.run({ language: 'python', code: '1' })).rejects.toMatchObject({ name: 'SandboxUnavailable' })
  })

  test('processes that nobody uses are let go', async () => {
    const line = open({ warmForMs: 1 })
    const before = children()
    await line.run({ language: 'python', code: '1' })
    while (children().some((pid) => !before.includes(pid))) await tick()
    await line.close()
  })
})

test('nothing survives the death of the service', async () => {
  const script = `
    import { createSandbox } from ${JSON.stringify(new URL('./sandbox.ts', import.meta.url).href)}
    const sandbox = createSandbox({ stateDir: ${JSON.stringify(stateDir)}, poolSize: 1, timeoutMs: 60000, maxOutputBytes: 1000, maxQueue: 1, log: { info() {}, warn: console.error } })
    void sandbox.run({ language: 'javascript', code: 'while (true) {}' })
    const { readFileSync } = await import('node:fs')
    const children = () => readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8').trim()
    const timer = setInterval(() => children() && (console.log(children()), clearInterval(timer)), 10)`
  const service = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface(service.stdout), 'line')) as [string]
  const child = Number(line)
  expect(isAlive(child)).toBe(true)
  service.kill('SIGKILL')
  await once(service, 'exit')
  // A zombie waits to be collected by whoever is pid 1; it runs no more.
  const runs = () => isAlive(child) && !readFileSync(`/proc/${child}/stat`, 'utf8').includes(') Z ')
  while (runs()) await tick()
})
