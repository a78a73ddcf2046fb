import { AppError, invalid } from '@jan/service-kit/errors'
import type { Edges } from './edges.ts'
import { bytesBehind } from './image-end.ts'
import { DOCX, type MediaType } from './media-type.ts'
import { isCutOff } from './truncation.ts'
import { endsAsZip } from './zip-end.ts'

/** What may follow the end of a picture: some writers fill a block up. */
const PADDING_BYTES = 4096
/** Readers look for the beginning of a PDF this far into a file. */
const PDF_SEARCH_BYTES = 1024

/**
 * A file must be one thing and all of it: what one program takes for a picture and another for an archive is refused.
 * @param edges what `Recogniser.edges` or `edgesOf` gives
 * @throws AppError `unsupported_media_type` for a file that is two things, `invalid_request` for one that is cut off
 */
export function requirePure(type: MediaType, edges: Edges): void {
  const name = type.extensions[0].toUpperCase()
  if (type.mime !== DOCX && endsAsZip(edges)) throw twofold(`it is ${type.mime} and a ZIP archive at once`)
  if (type.mime === 'application/pdf') {
    if (!edges.head.subarray(0, 5).equals(PDF)) throw twofold('something else stands before the beginning of this PDF')
  } else if (holdsPdf(type, edges)) throw twofold(`it is ${type.mime} and a PDF at once`)
  if (isCutOff(type, edges)) throw invalid(`The file is cut off: this ${name} has no end`)
  const behind = bytesBehind(type, edges)
  if (behind > PADDING_BYTES) throw twofold(`${behind} bytes of something else follow the end of this ${name}`)
}

const twofold = (what: string) => new AppError('unsupported_media_type', `The file is not purely one thing: ${what}`)

const PDF = Buffer.from('%PDF-')

/** A text may speak of the signature; a PDF has objects, too. */
function holdsPdf({ kind }: MediaType, { head }: Edges): boolean {
  if (!head.subarray(0, PDF_SEARCH_BYTES + PDF.length - 1).includes(PDF)) return false
  if (kind !== 'text') return true
  const text = head.toString('latin1')
  return /^%PDF-\d/m.test(text) && /\b\d{1,10} \d{1,5} obj\b/.test(text)
}
