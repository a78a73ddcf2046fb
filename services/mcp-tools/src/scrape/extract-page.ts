import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { ForeignFailure } from '../tools/untrusted.ts'
import { decodeText, kindOf, mediaType, type PageSource } from './page-source.ts'
import type { ReadPage } from './read-html.ts'
import { residentMemory, WATCH_EVERY_MS } from './resident-memory.ts'

/** There is no text in the document that could be read, or reading it cost too much. */
export class PageUnreadable extends Error {
  override name = 'PageUnreadable'
}

/** @throws PageUnreadable; ForeignFailure for a type that is not read; the reason of `signal` when that was aborted */
export type ExtractPage = (source: PageSource, includeMarkdown: boolean, signal: AbortSignal) => Promise<ReadPage>

export type ExtractorOptions = { timeoutMs: number; maxAtOnce: number; maxMemoryBytes: number }

/** One document for the process that reads it, and what it says: that it has started, then the one or the other. */
export type ExtractWork = { source: PageSource; includeMarkdown: boolean }
export type ExtractAnswer = 'ready' | { page: ReadPage } | { refused: string }

const HEAP_MB = 256
/** For a process to start and load what it reads with, on a machine that is busy. */
const START_MS = 15_000

const resolve = createRequire(import.meta.url).resolve
const modules = ['@mozilla/readability', 'linkedom', 'turndown', '@joplin/turndown-plugin-gfm', 'unpdf']
const MODULE_FOLDERS = modules.map((name) => resolve(name).replace(/(node_modules)[/\\].*$/, '$1'))
const ARGUMENTS = [
  // It may read its own code and the libraries, and start a thread; no other file, no process.
  '--permission',
  '--allow-worker',
  ...[...new Set(MODULE_FOLDERS)].map((folder) => `--allow-fs-read=${folder}/*`),
  `--allow-fs-read=${fileURLToPath(new URL('./', import.meta.url))}*`,
  '--no-warnings',
  `--max-old-space-size=${HEAP_MB}`,
  fileURLToPath(new URL('./extract-page.worker.ts', import.meta.url)),
]

/**
 * Reads documents. HTML and PDF are read in a process of their own, which ends with the document: some take minutes of
 * processor time or all the memory there is, and only a process can be stopped in the midst of that (docs/adr/0035).
 */
export function createPageExtractor(options: Partial<ExtractorOptions> = {}): ExtractPage {
  const { timeoutMs = 3_000, maxAtOnce = 2, maxMemoryBytes = 512 << 20 } = options
  const waiting: (() => void)[] = []
  let running = 0
  return async (source, includeMarkdown, signal) => {
    const kind = kindOf(source)
    if (kind === 'binary')
      throw new ForeignFailure(
        'upstream_failed',
        `Documents of type ${mediaType(source.contentType) || 'unknown'} cannot be read`,
      )
    if (kind === 'text') {
      const text = decodeText(source)
      return { title: null, text, markdown: includeMarkdown ? text : null, about: {} }
    }
    if (running < maxAtOnce) running++
    else await new Promise<void>((turn) => waiting.push(turn))
    try {
      signal.throwIfAborted()
      return await readInProcess({ source, includeMarkdown }, { kind, timeoutMs, maxMemoryBytes, signal })
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}

type Reading = Omit<ExtractorOptions, 'maxAtOnce'> & { kind: 'html' | 'pdf'; signal: AbortSignal }

async function readInProcess(
  work: ExtractWork,
  { kind, timeoutMs, maxMemoryBytes, signal }: Reading,
): Promise<ReadPage> {
  const child = spawn(process.execPath, [...ARGUMENTS, kind], {
    env: {},
    cwd: '/',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    serialization: 'advanced',
  })
  const { promise, resolve: done, reject } = Promise.withResolvers<ReadPage>()
  const tooComplex = () => reject(new PageUnreadable('The page is too complex to be read'))
  let deadline = setTimeout(tooComplex, START_MS)
  const guard = setInterval(async () => {
    if (child.pid && (await residentMemory(child.pid)) > maxMemoryBytes) tooComplex()
  }, WATCH_EVERY_MS)
  const leave = () => reject(signal.reason)
  signal.addEventListener('abort', leave, { once: true })
  child.on('message', (said: ExtractAnswer) => {
    if (said !== 'ready') return 'page' in said ? done(said.page) : reject(new PageUnreadable(said.refused))
    // From here on it is the page that takes the time, not the process's start.
    clearTimeout(deadline)
    deadline = setTimeout(tooComplex, timeoutMs)
    child.send(work, ignoreBroken)
  })
  child.once('error', (error) => reject(new PageUnreadable('The page cannot be read', { cause: error })))
  child.once('exit', (code, by) =>
    reject(new PageUnreadable('The page cannot be read', { cause: `ended: ${code ?? by}` })),
  )
  try {
    return await promise
  } finally {
    clearTimeout(deadline)
    clearInterval(guard)
    signal.removeEventListener('abort', leave)
    child.kill('SIGKILL')
  }
}

/** A process that is gone says so by its end. */
const ignoreBroken = () => undefined
