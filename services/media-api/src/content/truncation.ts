import { boxesOf } from './boxes.ts'
import type { Edges } from './edges.ts'
import { gifEnd, pngEnd, riffSize } from './image-end.ts'
import { DOCX, type MediaType } from './media-type.ts'
import { endsAsZip } from './zip-end.ts'

/** Whether the end of a file is missing, where its type says how one ends. An MP4 may lack its index, not the bytes its boxes announce. */
export function isCutOff({ mime }: MediaType, edges: Edges): boolean {
  switch (mime) {
    case 'image/png':
      return pngEnd(edges) === undefined
    case 'image/gif':
      return gifEnd(edges) === undefined
    case 'image/jpeg':
      return !jpegEnds(edges)
    case 'image/bmp':
      return edges.head.readUInt32LE(2) > edges.bytes || edges.head.readUInt32LE(10) >= edges.bytes
    case 'image/tiff':
      return tiffIndex(edges.head) >= edges.bytes
    case 'image/webp':
    case 'audio/wav':
      return (riffSize(edges) ?? 0) > edges.bytes
    case 'application/pdf':
      return !edges.tail.subarray(-2048).includes('%%EOF')
    case DOCX:
      return !endsAsZip(edges)
    default:
      return /^(image\/(avif|heic|heif)|(audio|video)\/mp4)$/.test(mime) && boxesExceed(edges)
  }
}

const EOI = Buffer.from([0xff, 0xd9])
/** Phones put a film behind a picture; then its own end may lie far before the end of the file. */
const FILM_FOLLOWS = /MotionPhoto|MicroVideo|GCamera/

/** The end mark must follow the beginning of the picture itself: a preview in the header has one of its own. */
function jpegEnds({ head, tail, bytes }: Edges): boolean {
  const scan = scanStart(head)
  const tailStart = bytes - tail.length
  if (tail.includes(EOI, Math.max(0, scan - tailStart))) return true
  return FILM_FOLLOWS.test(head.toString('latin1')) || tail.subarray(-4).toString('latin1') === 'SEFT'
}

/** Where the first scan begins, or how far the segments of the head go. */
function scanStart(head: Buffer): number {
  let at = 2
  while (at + 4 <= head.length && head[at] === 0xff && head[at + 1] !== 0xda) {
    const isFiller = head[at + 1] === 0xff
    at += isFiller ? 1 : 2 + head.readUInt16BE(at + 2)
  }
  return at
}

function tiffIndex(head: Buffer): number {
  const isLittle = head[0] === 0x49
  const isBig = (isLittle ? head[2] : head[3]) === 43
  if (head.length < (isBig ? 16 : 8)) return Number.POSITIVE_INFINITY
  if (isBig) return Number(isLittle ? head.readBigUInt64LE(8) : head.readBigUInt64BE(8))
  return isLittle ? head.readUInt32LE(4) : head.readUInt32BE(4)
}

function boxesExceed({ head, bytes }: Edges): boolean {
  return [...boxesOf(head, { fileEnd: bytes })].some(({ end }) => end > bytes)
}
