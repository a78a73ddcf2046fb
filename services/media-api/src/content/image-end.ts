import type { Edges } from './edges.ts'
import type { MediaType } from './media-type.ts'

/** How many bytes follow the logical end of a file, where it is cheap to tell: PNG, GIF, BMP, WebP and WAV. 0 where it is not. */
export function bytesBehind({ mime }: MediaType, edges: Edges): number {
  if (mime === 'image/png') return edges.bytes - (pngEnd(edges) ?? edges.bytes)
  if (mime === 'image/gif') return edges.bytes - (gifEnd(edges) ?? edges.bytes)
  if (mime === 'image/bmp') return edges.bytes - (bmpSize(edges) ?? edges.bytes)
  if (mime === 'image/webp' || mime === 'audio/wav') return edges.bytes - (riffSize(edges) ?? edges.bytes)
  return 0
}

const IEND = Buffer.from([0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82])

/** Where a PNG ends: by its chunks as far as the head goes, else by the last end mark of the tail. */
export function pngEnd({ head, tail, bytes }: Edges): number | undefined {
  for (let at = 8; at + 8 <= head.length; at += 12 + head.readUInt32BE(at))
    if (head.toString('latin1', at + 4, at + 8) === 'IEND') return at + 12 <= bytes ? at + 12 : undefined
  const mark = tail.lastIndexOf(IEND)
  return mark < 0 ? undefined : bytes - tail.length + mark + IEND.length
}

/** Where a GIF ends: by its blocks when they all lie in the head, else by the last trailer of the tail that a block ends before. */
export function gifEnd({ head, tail, bytes }: Edges): number | undefined {
  if (bytes <= head.length) return gifBlocksEnd(head)
  const mark = tail.lastIndexOf(Buffer.from([0, 0x3b]))
  return mark < 0 ? undefined : bytes - tail.length + mark + 2
}

const colours = (flags: number) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0)

function gifBlocksEnd(file: Buffer): number | undefined {
  let at = 13 + colours(file[10]!)
  while (at < file.length) {
    const block = file[at]
    if (block === 0x3b) return at + 1
    if (block === 0x21) at += 2
    else if (block === 0x2c) at += 11 + colours(file[at + 9] ?? 0)
    else return undefined
    while (file[at]) at += 1 + file[at]!
    at += 1
  }
  return undefined
}

/** What the header says; 0 when its writer did not know. */
function bmpSize({ head }: Edges): number | undefined {
  return head.readUInt32LE(2) || undefined
}

/** What the header says; a WAV that was written to a pipe says 0 or as much as it can. */
export function riffSize({ head }: Edges): number | undefined {
  const size = head.readUInt32LE(4)
  return size === 0 || size >= 0x7ffff000 ? undefined : size + 8
}
