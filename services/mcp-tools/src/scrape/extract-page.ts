import { Worker } from 'node:worker_threads'
import { decodeText, kindOf, mediaType, type PageSource } from './page-source.ts'
import type { ReadPage } from './read-html.ts'

/** The document is of a kind that holds no text for us, or reading it cost too much. */
export class PageUnreadable extends Error {
  override name = 'PageUnreadable'
}

/** @throws PageUnreadable; the reason of `signal` when that was aborted */
export type ExtractPage = (source: PageSource, includeMarkdown: boolean, signal: AbortSignal) => Promise<ReadPage>

export type ExtractorOptions = { timeoutMs: number; maxAtOnce: number }

const HEAP_MB = 256
/** For a thread to start and load what it reads with, on a machine that is busy. */
const START_MS = 15_000

/**
 * Reads documents. HTML is read in a thread of its own, which ends with the page: some pages take minutes of processor
 * time or all the memory there is, and only a thread can be stopped in the midst of that.
 */
export function createPageExtractor({ timeoutMs = 3_000, maxAtOnce = 2 }: Partial<ExtractorOptions> = {}): ExtractPage {
  const waiting: (() => void)[] = []
  let running = 0
  return async (source, includeMarkdown, signal) => {
    const kind = kindOf(source)
    if (kind === 'binary')
      throw new PageUnreadable(`Documents of type ${mediaType(source.contentType) || 'unknown'} cannot be read`)
    if (kind === 'text') return { title: null, text: decodeText(source), markdown: null, about: {} }
    if (running < maxAtOnce) running++
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      signal.throwIfAborted()
      return await readInThread({ source, includeMarkdown }, timeoutMs, signal)
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}

async function readInThread(
  work: { source: PageSource; includeMarkdown: boolean },
  timeoutMs: number,
  signal: AbortSignal,
) {
  const worker = new Worker(new URL('./extract-page.worker.ts', import.meta.url), {
    workerData: work,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    // Neither the service's environment nor what it preloads (tracing) is of use to a page.
    env: {},
    execArgv: [],
  })
  const { promise, resolve, reject } = Promise.withResolvers<ReadPage>()
  const late = () => reject(new PageUnreadable('The page is too complex to be read'))
  let timer = setTimeout(late, START_MS)
  const leave = () => reject(signal.reason)
  signal.addEventListener('abort', leave, { once: true })
  worker.on('message', (said: 'reading' | ReadPage) => {
    if (said !== 'reading') return resolve(said)
    clearTimeout(timer)
    timer = setTimeout(late, timeoutMs)
  })
  worker.once('error', (error) => reject(new PageUnreadable('The page cannot be read', { cause: error })))
  worker.once('exit', () => reject(new PageUnreadable('The page cannot be read')))
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', leave)
    await worker.terminate()
  }
}
