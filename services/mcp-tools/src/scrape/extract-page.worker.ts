import { parentPort, workerData } from 'node:worker_threads'
import type { PageSource } from './page-source.ts'
import { readHtml } from './read-html.ts'

const { source, includeMarkdown } = workerData as { source: PageSource; includeMarkdown: boolean }
parentPort?.postMessage(readHtml(source, includeMarkdown))
