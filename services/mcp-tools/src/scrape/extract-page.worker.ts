import { Worker } from 'node:worker_threads'
import type { ExtractAnswer, ExtractWork } from './extract-page.ts'
import type { ReadPage } from './read-html.ts'

/** A text is cut where a document repeats itself for ever. */
const MOST_CHARS = 5_000_000
/** What a page says of itself comes with each piece of it, and no `max_chars` is about it. */
const MOST_TITLE = 300
const MOST_ABOUT = 1_000

// When the service is gone, nobody waits for the page. This thread may be too busy to see that, so another looks.
const watch = `setInterval(() => process.ppid === ${process.ppid} || process.kill(process.pid, 'SIGKILL'), 500)`
new Worker(watch, { eval: true, env: {} }).unref()
// What it has no use for. (Files and processes are forbidden by --permission.)
for (const name of ['fetch', 'WebSocket', 'EventSource']) Reflect.deleteProperty(globalThis, name)

const say = (answer: ExtractAnswer) => process.send?.(answer)

/** Only what is needed is loaded, and before the clock runs: from then on it is the document that takes the time. */
async function loadReader(kind: string | undefined): Promise<(work: ExtractWork) => Promise<ExtractAnswer>> {
  if (kind === 'html') {
    const { readHtml } = await import('./read-html.ts')
    return async ({ source, includeMarkdown }) => ({ page: readHtml(source, includeMarkdown) })
  }
  const { PdfUnreadable, readPdf } = await import('./read-pdf.ts')
  return async ({ source, includeMarkdown }) => {
    try {
      return { page: await readPdf(source.bytes, includeMarkdown) }
    } catch (error) {
      if (error instanceof PdfUnreadable) return { refused: error.message }
      throw error
    }
  }
}

const cut = (text: string, most: number) => text.slice(0, most).toWellFormed()

const cutAbout = (about: ReadPage['about']): ReadPage['about'] =>
  Object.fromEntries(
    Object.entries(about).map(([name, value]) => [name, typeof value === 'string' ? cut(value, MOST_ABOUT) : value]),
  )

const read = await loadReader(process.argv[2])
process.once('message', async (work: ExtractWork) => {
  const answer = await read(work)
  if (answer === 'ready' || !('page' in answer)) return say(answer)
  const { title, text, markdown, about } = answer.page
  say({
    page: {
      title: title && cut(title, MOST_TITLE),
      text: text.slice(0, MOST_CHARS),
      markdown: markdown?.slice(0, MOST_CHARS) ?? null,
      about: cutAbout(about),
    },
  })
})
say('ready')
