/**
 * Runs inside Deno, one program per process. Deno's permission flags are the wall; nothing here is.
 *
 * Arguments: mode (`python` | `javascript` | `snapshot`), directory of Pyodide, file of the memory snapshot and
 * directory of wheels (both may be '').
 * Standard input: one JSON line {nonce, code, maxOutputBytes, maxFiles, maxFileBytes, files: [{name, data}]}; its end
 * means that the parent is gone. Bytes of files are base64.
 * Standard output: `ready {"snapshot": boolean}`, then lines of nonce + JSON: {"stdout"}, {"stderr"}, a {"file"} for each
 * that the program wrote and a {"left"} for each that was too much, and at last {"result", "error", "exitCode"}. The nonce
 * keeps a program that prints such lines from being mistaken for the runner; a program that goes hunting for it can only
 * forge its own answer.
 */
import { Buffer } from 'node:buffer'
import { Console } from 'node:console'
import { readFileSync } from 'node:fs'
import { Writable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { Script } from 'node:vm'

const [mode, pyodideDir, snapshotFile, wheelsDir] = Deno.args
const exit = Deno.exit.bind(Deno)
const writeSync = Deno.stdout.writeSync.bind(Deno.stdout)
const requests = Deno.stdin.readable
const encoder = new TextEncoder()
const encode = encoder.encode.bind(encoder)
const stringify = JSON.stringify

function write(bytes) {
  for (let at = 0; at < bytes.length; ) at += writeSync(at === 0 ? bytes : bytes.subarray(at))
}

const HOME = '/home/pyodide'
const WHEELS = '/wheels'

const DRIVER = `
import asyncio, collections, csv, datetime, io, itertools, json, math, random, re, statistics, sys, traceback
from pyodide.code import eval_code_async

async def run_program(code, limit):
    try:
        value = await eval_code_async(code, {'__name__': '__main__'}, filename='main.py')
        return [None if value is None else str(value)[:limit], None, 0]
    except SystemExit as stop:
        if stop.code in (None, 0):
            return [None, None, 0]
        return [None, f'SystemExit: {stop.code}'[:limit], stop.code if isinstance(stop.code, int) else 1]
    except BaseException as error:
        frames = error.__traceback__
        while frames and frames.tb_frame.f_code.co_filename != 'main.py':
            frames = frames.tb_next
        return [None, ''.join(traceback.format_exception(type(error), error, frames))[-limit:], 1]
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
`

/** A module that is in a wheel of the operator's is unpacked when it is first imported; so are those that it imports. */
const WHEEL_FINDER = `
def find_wheels(folder):
    import importlib.machinery, pathlib, sys, sysconfig, zipfile
    wheels = {}
    for path in sorted(pathlib.Path(folder).glob('*.whl')):
        with zipfile.ZipFile(path) as wheel:
            for name in wheel.namelist():
                top = name.split('/')[0]
                if not top.endswith(('.dist-info', '.data')):
                    wheels.setdefault(top.split('.')[0], path)

    class WheelFinder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            wheel = wheels.pop(name, None) if path is None else None
            if wheel is None:
                return None
            with zipfile.ZipFile(wheel) as packed:
                packed.extractall(sysconfig.get_paths()['purelib'])
            importlib.invalidate_caches()
            return importlib.machinery.PathFinder.find_spec(name)

    sys.meta_path.append(WheelFinder)

find_wheels('${WHEELS}')
`

/** Evaluated, not imported: Deno would read its 1.2 MB twice, which takes a tenth of a second. */
function evaluateModule() {
  const url = pathToFileURL(`${pyodideDir}/pyodide.asm.mjs`)
  const source = readFileSync(url, 'utf8').replaceAll('import.meta.url', stringify(url.href))
  return new Function(`'use strict'; ${source.replace(/export default (\w+);?\s*$/, 'return $1')}`)()
}

async function loadPython() {
  const { loadPyodide } = await import(pathToFileURL(`${pyodideDir}/pyodide.mjs`).href)
  const indexURL = `${pyodideDir}/`
  if (mode === 'snapshot') {
    const pyodide = await loadPyodide({ indexURL, _makeSnapshot: true })
    pyodide.runPython(DRIVER)
    return { pyodide }
  }
  if (snapshotFile) {
    try {
      const _loadSnapshot = readFileSync(snapshotFile)
      const pyodide = await loadPyodide({ indexURL, createPyodideModule: evaluateModule(), _loadSnapshot })
      return { pyodide, snapshot: true }
    } catch {
      // The snapshot API is not a public one: `ready` tells the parent, and the plain way still works.
    }
  }
  const pyodide = await loadPyodide({ indexURL })
  pyodide.runPython(DRIVER)
  return { pyodide, snapshot: false }
}

/** Sends what a program writes to one stream, a little more than its limit so that the parent sees that there was more. */
function createOutput(stream, request) {
  const decoder = new TextDecoder()
  let left = request.maxOutputBytes + 1
  return (bytes) => {
    if (left <= 0) return
    const part = bytes.subarray(0, left)
    left -= part.length
    const text = decoder.decode(part, { stream: true })
    if (text) write(encode(`${request.nonce}${stringify({ [stream]: text })}\n`))
  }
}

const consoleStream = (output) =>
  new Writable({
    decodeStrings: true,
    write(chunk, _encoding, done) {
      output(chunk)
      done()
    },
  })

function redirectStreams(stdout, stderr) {
  globalThis.console = new Console({ stdout, stderr })
  Object.defineProperty(globalThis.process, 'stdout', { value: stdout })
  Object.defineProperty(globalThis.process, 'stderr', { value: stderr })
}

/** What the permission flags leave open, and what would talk past a program's streams. */
function removeGlobals() {
  const names = ['localStorage', 'sessionStorage', 'caches', 'Worker', 'BroadcastChannel', 'alert', 'confirm', 'prompt']
  for (const name of names) delete globalThis[name]
  // Loads a graphics driver of the host.
  delete Object.getPrototypeOf(navigator).gpu
}

async function runPython(pyodide, request, outputs) {
  const stream = (output) => ({
    write(bytes) {
      output(bytes)
      return bytes.length
    },
  })
  pyodide.setStdout(stream(outputs.stdout))
  pyodide.setStderr(stream(outputs.stderr))
  pyodide.setStdin({ error: true })
  pyodide.runPython(`import sys\nfor each in (sys.stdout, sys.stderr): each.reconfigure(line_buffering=True)`)
  for (const { name, bytes } of request.files) pyodide.FS.writeFile(`${HOME}/${name}`, bytes)
  const answer = await pyodide.globals.get('run_program')(request.code, request.maxOutputBytes)
  const [result, error, exitCode] = answer.toJs()
  try {
    sendFiles(request, writtenFiles(pyodide.FS))
  } catch {
    // A program may have taken its working folder away.
  }
  return { result: result ?? null, error: error ?? null, exitCode }
}

/** Deep enough for what people write, and no place to get lost in. */
const MAX_ENTRIES = 2_000
const MAX_DEPTH = 4

/** What lies in the working folder and is no link. */
function* writtenFiles(fs) {
  let entries = 0
  function* walk(folder, depth) {
    for (const name of fs.readdir(folder).sort()) {
      if (name.startsWith('.') || name === '__pycache__' || ++entries > MAX_ENTRIES) continue
      const path = `${folder}/${name}`
      const { mode: kind, size } = fs.lstat(path)
      if (fs.isDir(kind) && depth < MAX_DEPTH) yield* walk(path, depth + 1)
      else if (fs.isFile(kind)) yield { name: path.slice(HOME.length + 1), size, read: () => fs.readFile(path) }
    }
  }
  yield* walk(HOME, 1)
}

/** Sends what is new or changed, as far as it is allowed. */
function sendFiles({ nonce, files, maxFiles, maxFileBytes }, written) {
  const given = new Map(files.map(({ name, bytes }) => [name, bytes]))
  let count = 0
  let total = 0
  for (const { name, size, read } of written) {
    const before = given.get(name)
    if (count >= maxFiles || size > maxFileBytes - total) {
      if (before?.length !== size) write(encode(`${nonce}${stringify({ left: { name, bytes: size } })}\n`))
      continue
    }
    const bytes = Buffer.from(read())
    if (before?.equals(bytes)) continue
    count += 1
    total += size
    write(encode(`${nonce}${stringify({ file: { name, data: bytes.toString('base64') } })}\n`))
  }
}

/** Files of a JavaScript program are in memory; these three functions are its file system. */
function provideFiles(files) {
  const kept = new Map(files.map(({ name, bytes }) => [name, bytes]))
  globalThis.readBytes = (name) => {
    const bytes = kept.get(name)
    if (!bytes) throw new Error(`There is no file ${name}`)
    return new Uint8Array(bytes)
  }
  globalThis.readFile = (name) => new TextDecoder().decode(globalThis.readBytes(name))
  globalThis.writeFile = (name, content) =>
    void kept.set(String(name), Buffer.from(typeof content === 'string' ? content : new Uint8Array(content)))
  return function* () {
    for (const [name, bytes] of kept) yield { name, size: bytes.length, read: () => bytes }
  }
}

/** A script, so that its last expression is the result; a function body when it uses `await` or `return` at the top. */
function compile(code) {
  const source = `${code}\n//# sourceURL=main.js`
  try {
    new Script(source)
    // Scripts of node:vm cannot import modules, evaluated ones can.
    // biome-ignore lint/security/noGlobalEval: running the program is what this process is for
    return () => globalThis.eval(source)
  } catch (error) {
    const AsyncFunction = (async () => {}).constructor
    try {
      return new AsyncFunction(source)
    } catch {
      throw error
    }
  }
}

async function runJavaScript(request) {
  const written = provideFiles(request.files)
  let value
  try {
    value = await compile(request.code)()
  } finally {
    sendFiles(request, written())
  }
  if (value === undefined) return { result: null, error: null, exitCode: 0 }
  const text = typeof value === 'string' ? value : inspect(value)
  return { result: text.slice(0, request.maxOutputBytes), error: null, exitCode: 0 }
}

function describeError(error) {
  if (!(error instanceof Error)) return `Uncaught ${inspect(error)}`
  const ours = /sandbox-runner|pyodide\.|^\s+at .*(?:node:|ext:)/
  const lines = String(error.stack ?? error).split('\n')
  return lines.filter((line) => !ours.test(line)).join('\n')
}

async function answer(request, pyodide) {
  request.files = request.files.map(({ name, data }) => ({ name, bytes: Buffer.from(data, 'base64') }))
  const finish = (outcome) => {
    write(encode(`${request.nonce}${stringify(outcome)}\n`))
    exit(0)
  }
  const fail = (error) =>
    finish({ result: null, error: describeError(error).slice(-request.maxOutputBytes), exitCode: 1 })
  const outputs = { stdout: createOutput('stdout', request), stderr: createOutput('stderr', request) }
  redirectStreams(consoleStream(outputs.stdout), consoleStream(outputs.stderr))
  globalThis.addEventListener('unhandledrejection', (event) => {
    event.preventDefault()
    fail(event.reason)
  })
  try {
    finish(await (pyodide ? runPython(pyodide, request, outputs) : runJavaScript(request)))
  } catch (error) {
    fail(error)
  }
}

const REHEARSE_AFTER_MS = 100

async function serve(pyodide) {
  // Who waits ready for a while has compiled by then what the first program needs; who is wanted at once is not held up.
  const rehearsal = pyodide && setTimeout(() => pyodide.globals.get('run_program')('None', 1), REHEARSE_AFTER_MS)
  const chunks = []
  let started = false
  for await (const chunk of requests) {
    if (started) continue
    chunks.push(chunk)
    if (chunk.at(-1) !== 10) continue
    started = true
    clearTimeout(rehearsal)
    // Not awaited: the end of the input must be noticed while the program runs.
    answer(JSON.parse(Buffer.concat(chunks).toString()), pyodide)
  }
  exit(0)
}

const { pyodide, snapshot } = mode === 'javascript' ? {} : await loadPython()
if (mode === 'snapshot') {
  write(pyodide.makeMemorySnapshot())
  exit(0)
}
// A snapshot holds one state of the generator: without this, every program would draw the same numbers.
pyodide?.runPython('random.seed()')
if (pyodide && wheelsDir) {
  pyodide.mountNodeFS(WHEELS, wheelsDir)
  pyodide.runPython(WHEEL_FINDER)
}
removeGlobals()
write(encode(`ready ${stringify({ snapshot: snapshot ?? false })}\n`))
await serve(pyodide)
