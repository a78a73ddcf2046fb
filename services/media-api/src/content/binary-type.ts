import { isUtf8 } from 'node:buffer'
import { fileTypeFromBuffer } from 'file-type'
import { type MediaType, typeNamed } from './media-type.ts'
import { unfinishedLength } from './utf8-judge.ts'

export type BinaryFinding = {
  /** The accepted type, as far as the head tells. */
  type?: MediaType
  /** What it is by its signature, accepted or not. */
  found?: string
}

/** Says by its first ≤ 64 KiB which binary type a file has. What is text throughout is none, whatever letters it begins with; a PDF may be. */
export async function findBinaryType(head: Buffer): Promise<BinaryFinding> {
  // It promises no robustness; a file it cannot stomach is none of ours.
  const guess = await fileTypeFromBuffer(head).catch(() => undefined)
  if (!guess) return {}
  const isText = isUtf8(head.subarray(0, head.length - unfinishedLength(head))) && !head.includes(0)
  if (isText && guess.mime !== 'application/pdf') return { found: guess.mime }
  const known = guess.mime === 'application/ogg' ? undefined : typeNamed(guess.mime)
  if (!known || known.kind === 'text') return { found: guess.mime }
  return headerHolds(known.mime, head) ? { type: known, found: known.mime } : {}
}

/** Sizes of the second header of a BMP: OS/2 1 and 2, and Windows from 3 to 5. */
const BMP_HEADER_SIZES = new Set([12, 16, 40, 52, 56, 64, 108, 124])

/** Where the signature must stand at the very beginning: `file-type` looks behind a byte order mark and an ID3 tag, too. */
const BEGINNINGS: Record<string, RegExp> = {
  'image/png': /^\x89PNG\r\n/,
  'image/jpeg': /^\xff\xd8\xff/,
  'image/gif': /^GIF8[79]a[\s\S]{7}/,
  'image/bmp': /^BM[\s\S]{24}/,
  'image/tiff': /^(II[*+]|MM.[*+])/s,
  'image/webp': /^RIFF[\s\S]{4}WEBP/,
  'audio/wav': /^RIFF[\s\S]{4}WAVE/,
}

/** Two or three letters make a BMP, a GIF or an MP3 to `file-type`, and many another file begins with them. */
function headerHolds(mime: string, head: Buffer): boolean {
  if (BEGINNINGS[mime]?.test(head.toString('latin1', 0, 32)) === false) return false
  if (mime === 'image/bmp') return BMP_HEADER_SIZES.has(head.readUInt32LE(14))
  if (mime === 'audio/mpeg') return head.toString('latin1', 0, 3) === 'ID3' || framesFollow(head)
  return true
}

/** Kilobits per second of layer III, and samples per second, by version: MPEG 1, then 2 and 2.5. */
const BITRATES = [
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
]
const SAMPLE_RATES: Record<number, number[]> = {
  3: [44_100, 48_000, 32_000],
  2: [22_050, 24_000, 16_000],
  0: [11_025, 12_000, 8000],
}

/** A frame of MP3 says how long it is: where it ends the next one begins, or the file ends. */
function framesFollow(head: Buffer): boolean {
  if (head.length < 4 || (head[1]! & 0x06) !== 0x02) return false
  const version = (head[1]! >> 3) & 3
  const bitrate = BITRATES[version === 3 ? 0 : 1]![head[2]! >> 4]
  const sampleRate = SAMPLE_RATES[version]?.[(head[2]! >> 2) & 3]
  if (!bitrate || !sampleRate) return false
  const padding = (head[2]! >> 1) & 1
  const next = Math.floor(((version === 3 ? 144_000 : 72_000) * bitrate) / sampleRate) + padding
  return next + 1 >= head.length || (head[next] === head[0] && (head[next + 1]! & 0xfe) === (head[1]! & 0xfe))
}
