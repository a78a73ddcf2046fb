import { extractTextItems, getDocumentProxy, getMeta } from 'unpdf'
import { arrangeLines, type PdfLine, toMarkdown } from './pdf-lines.ts'
import type { ReadPage } from './read-html.ts'

/** Its message is for whoever wants to read the document. */
export class PdfUnreadable extends Error {
  override name = 'PdfUnreadable'
}

/**
 * The text of a PDF, line by line, its cells apart by tabs and its pages by an empty line. Hostile documents keep it
 * busy for minutes and unfold to gigabytes: run it where it can be killed.
 * @throws PdfUnreadable
 */
export async function readPdf(bytes: Uint8Array, includeMarkdown: boolean): Promise<ReadPage> {
  const pdf = await open(bytes)
  const { items } = await extractTextItems(pdf)
  const pages = items.map(arrangeLines)
  const { info } = await getMeta(pdf).catch(() => ({ info: {} as Record<string, unknown> }))
  const author = textOf(info.Author)
  return {
    title: textOf(info.Title) ?? null,
    text: joinPages(pages, (lines) => lines.map(({ cells }) => cells.join('\t')).join('\n')),
    markdown: includeMarkdown ? joinPages(pages, toMarkdown) : null,
    about: { pages: pdf.numPages, ...(author && { byline: author }) },
  }
}

async function open(bytes: Uint8Array) {
  try {
    // A copy: the reader takes its bytes away, and refuses a Buffer.
    return await getDocumentProxy(Uint8Array.from(bytes), {
      verbosity: 0,
      useSystemFonts: false,
      disableFontFace: true,
      isEvalSupported: false,
    })
  } catch (error) {
    const isLocked = error instanceof Error && error.name === 'PasswordException'
    throw new PdfUnreadable(isLocked ? 'The PDF is protected by a password' : 'The PDF is damaged', { cause: error })
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value.trim()) || undefined

const joinPages = (pages: PdfLine[][], present: (lines: PdfLine[]) => string): string =>
  pages.map(present).filter(Boolean).join('\n\n')
