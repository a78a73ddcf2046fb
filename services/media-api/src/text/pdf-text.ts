import { getDocumentProxy } from 'unpdf'
import { tidyText } from './plain-text.ts'
import { Unreadable } from './unreadable.ts'

type Pdf = Awaited<ReturnType<typeof getDocumentProxy>>

/** More than any book. */
const MAX_PAGES = 10_000

/** @throws Unreadable */
export async function openPdf(bytes: Uint8Array): Promise<Pdf> {
  try {
    return await getDocumentProxy(bytes, { verbosity: 0, useSystemFonts: false, disableFontFace: true })
  } catch (error) {
    const isLocked = error instanceof Error && error.name === 'PasswordException'
    throw new Unreadable(isLocked ? 'protected' : 'damaged')
  }
}

/** Page after page until there is enough; an empty line stands between two pages. @throws Unreadable */
export async function pdfText(bytes: Uint8Array, maxTextBytes: number): Promise<string> {
  const pdf = await openPdf(bytes)
  if (pdf.numPages > MAX_PAGES)
    throw new Unreadable('pages', `it has ${pdf.numPages} pages, and at most ${MAX_PAGES} are read`)
  const pages: string[] = []
  for (let [number, length] = [1, 0]; number <= pdf.numPages && length <= maxTextBytes; number++) {
    const page = await pdf.getPage(number)
    const { items } = await page.getTextContent()
    const text = tidyText(items.map((item) => ('str' in item ? item.str + (item.hasEOL ? '\n' : '') : '')).join(''))
    page.cleanup()
    if (text) pages.push(text)
    length += Buffer.byteLength(text)
  }
  return pages.join('\n\n')
}
