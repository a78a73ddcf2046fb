import { boxesOf, elementsOf } from './boxes.ts'

/** Types that share a container: which one it is depends on what is inside, and senders often name the other one. */
const FAMILIES = [
  ['image/heic', 'image/heif'],
  ['audio/mp4', 'video/mp4'],
  ['audio/webm', 'video/webm'],
]

/** Whether these two names may stand for one file. */
export const isSameContainer = (one: string, other: string): boolean =>
  one === other || FAMILIES.some((family) => family.includes(one) && family.includes(other))

/**
 * Looks into a container for what `file-type` does not tell: the tracks of MP4 and WebM, the brands of HEIF.
 * Where the head (≤ 64 KiB) does not tell either, the declared type of the same container counts, then `mime`.
 */
export function narrowContainer(mime: string, head: Buffer, declared?: string): string {
  const seen = lookInside(mime, head)
  if (seen) return seen
  return declared !== undefined && isSameContainer(mime, declared) ? declared : mime
}

function lookInside(mime: string, head: Buffer): string | undefined {
  if (mime === 'image/heif') return brandedType(head)
  if (mime === 'video/webm') return webmType(head)
  if (mime === 'video/mp4') return mp4Type(head)
  return mime
}

function brandedType(head: Buffer): string | undefined {
  const brands: string[] = head.toString('latin1', 8, Math.min(head.readUInt32BE(0), 256)).match(/.{4}/gs) ?? []
  if (brands.includes('avif')) return 'image/avif'
  return brands.includes('heic') || brands.includes('heix') ? 'image/heic' : undefined
}

/** By the handlers of its tracks, when the index stands at the beginning. */
function mp4Type(head: Buffer): string | undefined {
  const moov = [...boxesOf(head)].find(({ type }) => type === 'moov')
  if (!moov) return undefined
  const handlers = [...boxesOf(head, moov)]
    .filter(({ type }) => type === 'trak')
    .flatMap((track) => [...boxesOf(head, track)].filter(({ type }) => type === 'mdia'))
    .flatMap((media) => [...boxesOf(head, media)].filter(({ type }) => type === 'hdlr'))
    .map(({ start }) => head.toString('latin1', start + 8, start + 12))
  if (handlers.includes('vide')) return 'video/mp4'
  return handlers.includes('soun') && moov.end <= head.length ? 'audio/mp4' : undefined
}

const SEGMENT = 0x18538067
const TRACKS = 0x1654ae6b
const TRACK_ENTRY = 0xae
const TRACK_TYPE = 0x83
const VIDEO = 1

function webmType(head: Buffer): string | undefined {
  const segment = [...elementsOf(head, 0, head.length)].find(({ id }) => id === SEGMENT)
  const tracks = segment && [...elementsOf(head, segment.start, segment.end)].find(({ id }) => id === TRACKS)
  if (!tracks || tracks.end > head.length) return undefined
  const types = [...elementsOf(head, tracks.start, tracks.end)]
    .filter(({ id }) => id === TRACK_ENTRY)
    .flatMap((entry) => [...elementsOf(head, entry.start, entry.end)].filter(({ id }) => id === TRACK_TYPE))
    .map(({ start }) => head[start])
  if (types.length === 0) return undefined
  return types.includes(VIDEO) ? 'video/webm' : 'audio/webm'
}
