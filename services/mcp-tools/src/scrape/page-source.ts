/** A document as it came over the wire. */
export type PageSource = {
  bytes: Uint8Array
  /** The `Content-Type` header, '' when there was none. */
  contentType: string
  /** Where it came from, after redirects: what its relative links are relative to. */
  url: string
}

const TEXTUAL =
  /^(?:text\/.+|application\/(?:.+\+)?(?:json|xml|yaml)|application\/(?:x-yaml|x-ndjson|jsonl|javascript|ecmascript|toml|sql))$/

export const mediaType = (contentType: string): string => (contentType.split(';')[0] ?? '').trim().toLowerCase()

export type PageKind = 'html' | 'pdf' | 'text' | 'binary'

/** What can be read out of a document. Without a type, or with one that says nothing, its first bytes decide. */
export function kindOf({ contentType, bytes }: Pick<PageSource, 'contentType' | 'bytes'>): PageKind {
  const type = mediaType(contentType)
  if (type === 'text/html' || type === 'application/xhtml+xml') return 'html'
  if (type === 'application/pdf' || type === 'application/x-pdf') return 'pdf'
  if (TEXTUAL.test(type)) return 'text'
  const start = bytes.subarray(0, 512)
  if ((type === '' || type === 'application/octet-stream') && startsWithPdfMark(start)) return 'pdf'
  if (type !== '') return 'binary'
  if (start.includes(0) && markedCharset(start) === undefined) return 'binary'
  return /^\s*</.test(decodeText({ bytes: start, contentType })) ? 'html' : 'text'
}

const startsWithPdfMark = (start: Uint8Array): boolean => Buffer.from(start).toString('latin1').includes('%PDF-')

/** Text by its byte order mark, the header, the page's own `<meta>`, else UTF-8 (the order of the HTML standard). */
export function decodeText({ bytes, contentType }: Pick<PageSource, 'contentType' | 'bytes'>): string {
  const label = markedCharset(bytes) ?? charsetIn(contentType) ?? metaCharset(bytes) ?? 'utf-8'
  try {
    return new TextDecoder(label).decode(bytes)
  } catch {
    // A label nobody knows: most such pages are UTF-8 all the same.
    return new TextDecoder().decode(bytes)
  }
}

function markedCharset([first, second, third]: Uint8Array): string | undefined {
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8'
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  return first === 0xff && second === 0xfe ? 'utf-16le' : undefined
}

const charsetIn = (text: string): string | undefined => /charset\s*=\s*["']?([^\s"';/>]+)/i.exec(text)?.[1]

function metaCharset(bytes: Uint8Array): string | undefined {
  const start = Buffer.from(bytes.subarray(0, 1024)).toString('latin1')
  const [meta] = /<meta[^>]+charset[^>]*>/i.exec(start) ?? []
  return meta && charsetIn(meta)
}
