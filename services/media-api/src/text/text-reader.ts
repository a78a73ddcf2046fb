import { createReadStream } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { AppError, unavailable } from '@jan/service-kit/errors'
import { DOCX, SVG } from '../content/media-type.ts'
import { createLine } from './line.ts'
import type { Text } from './plain-text.ts'
import type { Task } from './text-process.ts'
import { REASONS, type Reason, Unreadable } from './unreadable.ts'
import { runWatched } from './watched-process.ts'

/** Where the bytes of a file come from. */
export type Source = { path: string } | { bytes: Uint8Array } | { stream: AsyncIterable<Uint8Array> }

export type ReadOptions = {
  /** Counted from the start of the process, not while waiting in line. */
  timeoutMs?: number | undefined
  signal?: AbortSignal | undefined
}

export type TextReader = {
  /**
   * The text of a PDF, Word, HTML, CSV, Markdown, JSON or plain file: UTF-8, NFC, no control characters but \n and \t.
   * @throws AppError `invalid_request` that says why it cannot be read; `unsupported_media_type` for a type without text; the reason of `signal`
   */
  extractText(file: Source & { mime: string }, options: ReadOptions & { maxTextBytes: number }): Promise<Text>
  /** @throws as `extractText` */
  countPages(pdf: Source, options?: ReadOptions): Promise<number>
  /** Unpacks a Word document as far as its text needs it. @throws AppError `invalid_request` for a bomb, and as `extractText` */
  requireSafeArchive(docx: Source, options?: ReadOptions): Promise<void>
}

const MIB = 1024 * 1024
const HTML_BYTES = 8 * MIB
const NAMES: Record<string, string> = { 'application/pdf': 'PDF', [DOCX]: 'Word document', 'text/html': 'HTML page' }
const PLAIN = new Set(['text/plain', 'text/markdown', 'text/csv', 'application/json', 'application/x-ndjson', SVG.mime])

/** Reads hostile files, each in a process of its own with a cap on time and memory; at most so many processes at a time, the others wait in line. */
export function createTextReader({
  processes = 2,
  timeoutMs = 30_000,
  memoryBytes = 512 * MIB,
  maxInputBytes = 128 * MIB,
} = {}): TextReader {
  const line = createLine(processes)

  const read = async (source: Source, options: ReadOptions, task: Task) => {
    const done = await line.take(options.signal)
    try {
      const output = await runWatched([...FLAGS, ENTRY, JSON.stringify(task)], streamOf(source), {
        timeoutMs: options.timeoutMs ?? timeoutMs,
        memoryBytes,
        maxOutputBytes: task.maxTextBytes + 4096,
        signal: options.signal,
      })
      return understand(output)
    } catch (error) {
      if (error instanceof Unreadable) throw refuse(task, error)
      const isStartFailed = error instanceof Error && 'syscall' in error && String(error.syscall).startsWith('spawn')
      throw isStartFailed ? unavailable('Files cannot be read right now', error) : error
    } finally {
      done()
    }
  }

  const whole = { maxInputBytes, isCutGood: false }
  return {
    async extractText(file, { maxTextBytes, ...options }) {
      const isPlain = PLAIN.has(file.mime)
      if (!isPlain && !NAMES[file.mime])
        throw new AppError('unsupported_media_type', `There is no text in ${file.mime}`)
      // Of what is text itself no more is read than is wanted, of a page as much as pages have.
      const begin = { maxInputBytes: isPlain ? maxTextBytes + 3 : HTML_BYTES, isCutGood: true }
      const limits = isPlain || file.mime === 'text/html' ? begin : whole
      const { line: answer, text } = await read(file, options, {
        wanted: 'text',
        mime: file.mime,
        maxTextBytes,
        ...limits,
      })
      return { text, truncated: answer.truncated === true }
    },
    async countPages(pdf, options = {}) {
      const task: Task = { wanted: 'pages', mime: 'application/pdf', maxTextBytes: 0, ...whole }
      return Number((await read(pdf, options, task)).line.pages)
    },
    async requireSafeArchive(docx, options = {}) {
      await read(docx, options, { wanted: 'parts', mime: DOCX, maxTextBytes: 0, ...whole })
    },
  }
}

function streamOf(source: Source): AsyncIterable<Uint8Array> {
  if ('path' in source) return createReadStream(source.path)
  if ('stream' in source) return source.stream
  return (async function* () {
    yield source.bytes
  })()
}

type Line = { truncated?: boolean; pages?: number; reason?: Reason; message?: string }

/** @throws Unreadable when that is the answer */
function understand(output: Buffer): { line: Line; text: string } {
  const end = output.indexOf('\n')
  const line = JSON.parse(output.toString('utf8', 0, end)) as Line
  if (line.reason) throw new Unreadable(line.reason, line.message ?? REASONS[line.reason])
  return { line, text: output.toString('utf8', end + 1) }
}

function refuse({ mime, wanted }: Task, error: Unreadable): AppError {
  const what = wanted === 'text' ? 'the text' : wanted === 'pages' ? 'the pages' : 'the parts'
  const message = `${what} of this ${NAMES[mime] ?? 'file'} cannot be read: ${error.message}`
  return new AppError('invalid_request', message, { cause: error })
}

const ENTRY = fileURLToPath(new URL('./text-process.ts', import.meta.url))
const { resolve } = createRequire(import.meta.url)
const MODULES = ['html-to-text', 'mammoth', 'unpdf', 'yauzl'].map((name) =>
  resolve(name).replace(/(node_modules)[/\\].*$/, '$1'),
)

/** It may read its own code and the libraries, and start a thread; no other file, no process. */
const FLAGS = [
  '--permission',
  '--allow-worker',
  ...[...new Set(MODULES)].map((folder) => `--allow-fs-read=${folder}/*`),
  `--allow-fs-read=${fileURLToPath(new URL('../', import.meta.url))}*`,
  '--no-warnings',
]
