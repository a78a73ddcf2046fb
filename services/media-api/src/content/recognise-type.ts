import { AppError, invalid } from '@jan/service-kit/errors'
import { findBinaryType } from './binary-type.ts'
import { isSameContainer, narrowContainer } from './container-type.ts'
import { createEdgeKeeper, type Edges, HEAD_BYTES } from './edges.ts'
import { createHeldContent } from './held-content.ts'
import { DOCX, type MediaKind, type MediaType, mediaType, SVG, typeNamed } from './media-type.ts'
import { narrowText, refusedText } from './text-type.ts'
import { createUtf8Judge } from './utf8-judge.ts'

/** What the sender says of the bytes, and whether an SVG is taken of this one. */
export type Claims = { filename?: string | undefined; declared?: string | undefined; takesSvg?: boolean | undefined }

/** JSON up to this size is parsed; more would keep everybody else waiting. */
const PARSED_BYTES = 1024 * 1024

export type Recogniser = {
  /** Takes the next bytes. @throws AppError `unsupported_media_type` as soon as the bytes cannot be accepted any more */
  push(chunk: Uint8Array): Promise<void>
  /** Says what the whole is. @throws AppError `unsupported_media_type`, and `invalid_request` when there was nothing */
  end(): Promise<MediaType>
  /** The type of a binary file, once its first 64 KiB are seen. Which text a text is stands only at its end. */
  readonly type: MediaType | undefined
  /** Of which kind it is, once its first 64 KiB are seen: `text` as long as it is one. */
  readonly kind: MediaKind | undefined
  /** Beginning, end and length of what was pushed, for `requirePure` and `measureImage`. */
  readonly edges: Edges
}

/**
 * Says what bytes are while they stream by, and holds at most 1 MiB of them.
 * @param declared what the sender says: when it is a type of ours it must fit; `application/octet-stream`, other types and nothing say nothing
 * @param filename tells one text from another, and nothing else
 */
export function createRecogniser({ filename, declared, takesSvg = false }: Claims = {}): Recogniser {
  const claimed = declared === undefined ? undefined : typeNamed(declared)
  const keeper = createEdgeKeeper()
  const utf8 = createUtf8Judge()
  const held = createHeldContent(PARSED_BYTES)
  let judged: 'binary' | 'text' | 'zip' | undefined
  let type: MediaType | undefined

  const accept = (found: MediaType): MediaType => {
    if (claimed && !fits(claimed, found)) throw wrongDeclared(claimed.mime, found.mime)
    return found
  }

  const judgeHead = async () => {
    const { head } = keeper
    const finding = await findBinaryType(head)
    if (finding.type) {
      judged = 'binary'
      type = accept(mediaType(narrowContainer(finding.type.mime, head, claimed?.mime)))
    } else if (finding.found === 'application/zip') judged = 'zip'
    else {
      judged = 'text'
      if (!utf8.isText) throw notAccepted(finding.found)
      const refused = refusedText(head)
      if (refused && !(takesSvg && refused === SVG.mime)) throw notAccepted(refused)
    }
    if (judged !== 'text') held.release()
  }

  return {
    async push(chunk) {
      keeper.push(chunk)
      if (judged === undefined || judged === 'text') utf8.push(chunk)
      held.push(chunk)
      if (judged === undefined && keeper.head.length === HEAD_BYTES) await judgeHead()
      if (judged === 'text' && !utf8.isText) throw notAccepted()
    },
    async end() {
      const { bytes, head, tail } = keeper.edges
      if (bytes === 0) throw invalid('The file is empty')
      if (judged === undefined) await judgeHead()
      if (judged === 'zip') {
        if (!listsDocument(tail)) throw notAccepted('application/zip')
        type = accept(mediaType(DOCX))
      }
      if (type) return type
      if (!utf8.end()) throw notAccepted()
      return accept(
        narrowText({ head, content: held.content, declared: claimed?.kind === 'text' ? claimed : undefined, filename }),
      )
    },
    get type() {
      return type
    },
    get kind() {
      return type?.kind ?? (judged === 'text' ? 'text' : undefined)
    },
    get edges() {
      return keeper.edges
    },
  }
}

/** Any text is plain text, and HTML may be called Markdown: both are served as what they were found to be. */
function fits(claimed: MediaType, found: MediaType): boolean {
  if (isSameContainer(claimed.mime, found.mime)) return true
  if (claimed.mime === 'text/plain') return found.kind === 'text'
  return claimed.mime === 'text/markdown' && found.mime === 'text/html'
}

/** Whether the directory at the end of a ZIP file names the parts that make it a Word document: writers may put them behind large pictures. */
const listsDocument = (tail: Buffer) => tail.includes('[Content_Types].xml') && tail.includes('word/document.xml')

const wrongDeclared = (declared: string, found: string) =>
  new AppError('unsupported_media_type', `wrong declared type: ${declared} was declared, and this is ${found}`)

const notAccepted = (found?: string) =>
  new AppError(
    'unsupported_media_type',
    `Only images (PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF, HEIC), PDF, Word (docx), text in UTF-8 (plain, Markdown, HTML, CSV, JSON), audio (WAV, MP3, M4A, OGG, FLAC, WebM) and video (MP4, WebM) are accepted, and this is ${found ?? 'none of them'}`,
  )
