import { parentPort, workerData } from 'node:worker_threads'
import { DOCX } from '../content/media-type.ts'
import { unfinishedLength } from '../content/utf8-judge.ts'
import { cleanText, cutText } from './plain-text.ts'
import type { Answer, Task } from './text-process.ts'
import { Unreadable } from './unreadable.ts'

/** The thread that reads the file: whatever it does to itself, the main thread stays awake beside it. */
const { task, input, isCut } = workerData as { task: Task; input: Uint8Array<ArrayBuffer>; isCut: boolean }
const all = Buffer.from(input.buffer)
const bytes = isCut ? all.subarray(0, all.length - unfinishedLength(all)) : all

// What it has no use for. (Files and processes are forbidden by --permission.)
for (const name of ['fetch', 'WebSocket', 'EventSource']) Reflect.deleteProperty(globalThis, name)

type Reader = { text(): Promise<string> | string; pages?(): Promise<number>; parts?(): Promise<unknown> }

/** Only the library that is needed. One that is missing is our fault and no property of the file. */
async function loadReader(): Promise<Reader> {
  switch (task.mime) {
    case 'application/pdf': {
      const { openPdf, pdfText } = await import('./pdf-text.ts')
      return { text: () => pdfText(input, task.maxTextBytes), pages: async () => (await openPdf(input)).numPages }
    }
    case DOCX: {
      const { docxText } = await import('./docx-text.ts')
      const { docxParts } = await import('./docx-parts.ts')
      return { text: () => docxText(bytes), parts: () => docxParts(bytes) }
    }
    case 'text/html': {
      const { htmlText } = await import('./html-text.ts')
      return { text: () => htmlText(bytes.toString('utf8')) }
    }
    default:
      return { text: () => cleanText(bytes.toString('utf8')) }
  }
}

async function perform(reader: Reader): Promise<Answer> {
  if (task.wanted === 'pages') return { pages: await reader.pages!() }
  if (task.wanted === 'parts') {
    await reader.parts!()
    return {}
  }
  const { text, truncated } = cutText(await reader.text(), task.maxTextBytes)
  return { text, truncated: truncated || isCut }
}

const reader = await loadReader()
const answer = await perform(reader).catch((error: unknown): Answer => {
  const { reason, message } = error instanceof Unreadable ? error : new Unreadable('damaged')
  return { reason, message }
})
parentPort!.postMessage(answer)
