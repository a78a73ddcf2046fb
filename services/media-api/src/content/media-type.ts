export type MediaKind = 'image' | 'document' | 'text' | 'audio' | 'video'

export type MediaType = {
  mime: string
  /** What files of this type are called; the first is given to files without a fitting name. */
  extensions: [string, ...string[]]
  kind: MediaKind
  /** Whether a browser may show it in place: false for whatever it could run, and for what it could only offer to save. */
  isInline: boolean
}

export const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'

const type = (mime: string, kind: MediaKind, names: string, isInline = true): MediaType => ({
  mime,
  extensions: names.split(' ') as [string, ...string[]],
  kind,
  isInline,
})

/** A browser runs what is in one, so it is taken of our programs only, and stands in no table: no name and no declared type makes one. */
export const SVG = type('image/svg+xml', 'text', 'svg', false)

/** Everything that is accepted of everybody; anything else is 415. An animated PNG is a PNG to everyone who does not know better. */
export const MEDIA_TYPES: MediaType[] = [
  type('image/png', 'image', 'png apng'),
  type('image/jpeg', 'image', 'jpg jpeg jpe jfif'),
  type('image/webp', 'image', 'webp'),
  type('image/gif', 'image', 'gif'),
  type('image/bmp', 'image', 'bmp dib'),
  type('image/tiff', 'image', 'tiff tif'),
  type('image/avif', 'image', 'avif'),
  type('image/heic', 'image', 'heic'),
  type('image/heif', 'image', 'heif hif'),
  type('application/pdf', 'document', 'pdf'),
  type(DOCX, 'document', 'docx', false),
  type('text/plain', 'text', 'txt text log'),
  type('text/markdown', 'text', 'md markdown mkd'),
  type('text/html', 'text', 'html htm xhtml', false),
  type('text/csv', 'text', 'csv'),
  type('application/json', 'text', 'json'),
  type('application/x-ndjson', 'text', 'jsonl ndjson'),
  type('audio/wav', 'audio', 'wav wave'),
  type('audio/mpeg', 'audio', 'mp3 mpga'),
  type('audio/mp4', 'audio', 'm4a m4b'),
  type('audio/ogg', 'audio', 'ogg oga opus'),
  type('audio/flac', 'audio', 'flac'),
  type('audio/webm', 'audio', 'webm weba'),
  type('video/mp4', 'video', 'mp4 m4v'),
  type('video/webm', 'video', 'webm'),
]

/** Other names that the same types go by. */
const ALIASES: Record<string, string> = {
  'image/apng': 'image/png',
  'image/x-png': 'image/png',
  'image/jpg': 'image/jpeg',
  'image/pjpeg': 'image/jpeg',
  'image/bitmap': 'image/bmp',
  'image/x-bmp': 'image/bmp',
  'image/x-ms-bmp': 'image/bmp',
  'image/tif': 'image/tiff',
  'image/x-tiff': 'image/tiff',
  'application/x-pdf': 'application/pdf',
  'text/x-markdown': 'text/markdown',
  'text/md': 'text/markdown',
  'application/xhtml+xml': 'text/html',
  'application/csv': 'text/csv',
  'text/x-csv': 'text/csv',
  'text/comma-separated-values': 'text/csv',
  'text/json': 'application/json',
  'application/jsonl': 'application/x-ndjson',
  'application/x-jsonl': 'application/x-ndjson',
  'application/jsonlines': 'application/x-ndjson',
  'application/ndjson': 'application/x-ndjson',
  'audio/x-wav': 'audio/wav',
  'audio/wave': 'audio/wav',
  'audio/vnd.wave': 'audio/wav',
  'audio/x-pn-wav': 'audio/wav',
  'audio/mp3': 'audio/mpeg',
  'audio/x-mp3': 'audio/mpeg',
  'audio/x-mpeg': 'audio/mpeg',
  'audio/m4a': 'audio/mp4',
  'audio/x-m4a': 'audio/mp4',
  'audio/opus': 'audio/ogg',
  'application/ogg': 'audio/ogg',
  'audio/x-flac': 'audio/flac',
  'video/x-m4v': 'video/mp4',
}

const BY_MIME = new Map(MEDIA_TYPES.map((known) => [known.mime, known]))
const BY_EXTENSION = new Map(MEDIA_TYPES.toReversed().flatMap((known) => known.extensions.map((name) => [name, known])))

/** The accepted type of this name, whatever its case, its parameters and which of its names it is; otherwise undefined. */
export function typeNamed(mime: string): MediaType | undefined {
  const name = mime.split(';', 1)[0]!.trim().toLowerCase()
  return BY_MIME.get(ALIASES[name] ?? name)
}

/** One that is stored: for names in our own code. @throws Error for any other */
export function mediaType(mime: string): MediaType {
  const known = mime === SVG.mime ? SVG : BY_MIME.get(mime)
  if (!known) throw new Error(`${mime} is no type of ours`)
  return known
}

/** How bytes of this type are announced: every text was found to be UTF-8, and a browser would guess something else. */
export const contentTypeOf = (mime: string): string => (mime.startsWith('text/') ? `${mime}; charset=utf-8` : mime)

/** What a file of this name claims to be; of two types with one extension the first in the table. */
export function typeOfFilename(filename: string): MediaType | undefined {
  return BY_EXTENSION.get(/\.([a-z0-9]+)$/i.exec(filename.trim())?.[1]?.toLowerCase() ?? '')
}
