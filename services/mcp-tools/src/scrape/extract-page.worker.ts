import { parentPort, workerData } from 'node:worker_threads'
import type { PageSource } from './page-source.ts'
import { readHtml } from './read-html.ts'

const { source, includeMarkdown } = workerData as { source: PageSource; includeMarkdown: boolean }
// From here on it is the page that takes the time, not this thread's start.
parentPort?.postMessage('reading')
parentPort?.postMessage(readHtml(source, includeMarkdown))
