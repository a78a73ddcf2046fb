/**
 * Runs inside Deno, one program per process. Deno's permission flags are the wall; nothing here is.
 *
 * Arguments: mode (`python` | `javascript` | `snapshot`), directory of Pyodide, file of the memory snapshot (may be '').
 * Standard input: one JSON line {nonce, code, maxOutputBytes}; its end means that the parent is gone.
 * Standard output: `ready {"snapshot": boolean}`, then lines of nonce + JSON: {"stdout"}, {"stderr"} and at last
 * {"result", "error"}. The nonce keeps a program that prints such lines from being mistaken for the runner; a program
 * that goes hunting for it can only forge its own answer.
 */
import { Console } from 'node:console'
import { readFileSync } from 'node:fs'
import { Writable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { Script } from 'node:vm'

const [mode, pyodideDir, snapshotFile] = Deno.args
const exit = Deno.exit.bind(Deno)
const writeSync = Deno.stdout.writeSync.bind(Deno.stdout)
const requests = Deno.stdin.readable
const encoder = new TextEncoder()
const encode = encoder.encode.bind(encoder)
const stringify = JSON.stringify

function write(bytes) {
  for (let at = 0; at < bytes.length; ) at += writeSync(at === 0 ? bytes : bytes.subarray(at))
}

const DRIVER = `
import asyncio, collections, csv, datetime, io, itertools, json, math, random, re, statistics, sys, traceback
from pyodide.code import eval_code_async

async def run_program(code, limit):
    try:
        value = await eval_code_async(code, {'__name__': '__main__'}, filename='main.py')
        return [None if value is None else str(value)[:limit], None]
    except SystemExit as stop:
        return [None, None if stop.code in (None, 0) else f'SystemExit: {stop.code}']
    except BaseException as error:
        frames = error.__traceback__
        while frames and frames.tb_frame.f_code.co_filename != 'main.py':
            frames = frames.tb_next
        return [None, ''.join(traceback.format_exception(type(error), error, frames))[-limit:]]
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
`

async function loadPython() {
  const { loadPyodide } = await import(pathToFileURL(`${pyodideDir}/pyodide.mjs`).href)
  const indexURL = `${pyodideDir}/`
  if (mode === 'snapshot') return { pyodide: await loadPyodide({ indexURL, _makeSnapshot: true }) }
  if (snapshotFile) {
    try {
      return { pyodide: await loadPyodide({ indexURL, _loadSnapshot: readFileSync(snapshotFile) }), snapshot: true }
    } catch {
      // The snapshot API is not a public one: `ready` tells the parent, and the plain way still works.
    }
  }
  return { pyodide: await loadPyodide({ indexURL }), snapshot: false }
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

async function runPython(pyodide, code, outputs, limit) {
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
  const answer = await pyodide.globals.get('run_program')(code, limit)
  const [result, error] = answer.toJs()
  return { result: result ?? null, error: error ?? null }
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

async function runJavaScript(code, limit) {
  const value = await compile(code)()
  if (value === undefined) return { result: null, error: null }
  return { result: (typeof value === 'string' ? value : inspect(value)).slice(0, limit), error: null }
}

function describeError(error) {
  if (!(error instanceof Error)) return `Uncaught ${inspect(error)}`
  const ours = /sandbox-runner|pyodide\.|^\s+at .*(?:node:|ext:)/
  const lines = String(error.stack ?? error).split('\n')
  return lines.filter((line) => !ours.test(line)).join('\n')
}

async function answer(request, pyodide) {
  const limit = request.maxOutputBytes
  const finish = (outcome) => {
    write(encode(`${request.nonce}${stringify(outcome)}\n`))
    exit(0)
  }
  const fail = (error) => finish({ result: null, error: describeError(error).slice(-limit) })
  const outputs = { stdout: createOutput('stdout', request), stderr: createOutput('stderr', request) }
  redirectStreams(consoleStream(outputs.stdout), consoleStream(outputs.stderr))
  globalThis.addEventListener('unhandledrejection', (event) => {
    event.preventDefault()
    fail(event.reason)
  })
  try {
    finish(await (pyodide ? runPython(pyodide, request.code, outputs, limit) : runJavaScript(request.code, limit)))
  } catch (error) {
    fail(error)
  }
}

async function serve(pyodide) {
  const decoder = new TextDecoder()
  let line = ''
  let started = false
  for await (const chunk of requests) {
    line += decoder.decode(chunk, { stream: true })
    if (started || !line.endsWith('\n')) continue
    started = true
    // Not awaited: the end of the input must be noticed while the program runs.
    answer(JSON.parse(line), pyodide)
  }
  exit(0)
}

const { pyodide, snapshot } = mode === 'javascript' ? {} : await loadPython()
pyodide?.runPython(DRIVER)
if (mode === 'snapshot') {
  write(pyodide.makeMemorySnapshot())
  exit(0)
}
// A snapshot holds one state of the generator: without this, every program would draw the same numbers.
pyodide?.runPython('random.seed()')
removeGlobals()
write(encode(`ready ${stringify({ snapshot: snapshot ?? false })}\n`))
await serve(pyodide)
