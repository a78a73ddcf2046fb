import mammoth from 'mammoth'
import { docxParts } from './docx-parts.ts'
import { htmlText } from './html-text.ts'

/** Headings, paragraphs, lists and tables of a Word document. @throws Unreadable */
export async function docxText(bytes: Buffer): Promise<string> {
  const { value } = await mammoth.convertToHtml(
    // `file` is not in its types: it reads the parts that were unpacked and counted, and never the file itself.
    { file: asZip(await docxParts(bytes)) } as unknown as { buffer: Buffer },
    { convertImage: mammoth.images.imgElement(async () => ({ src: '' })), externalFileAccess: false },
  )
  return htmlText(value)
}

const asZip = (parts: Map<string, Buffer>) => ({
  exists: (name: string) => parts.has(name),
  read: async (name: string, encoding?: 'base64' | 'utf-8') => {
    const part = parts.get(name) ?? Buffer.alloc(0)
    return encoding === undefined
      ? part
      : part.toString(encoding === 'base64' ? 'base64' : 'utf8').replace(/^\uFEFF/, '')
  },
})
