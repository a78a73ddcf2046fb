export type Box = {
  type: string /** Where its content begins. */
  start: number /** May lie behind what is at hand. */
  end: number
}

/** The boxes of an ISO media file (MP4, M4A, HEIC, AVIF) from `start` on, as far as `bytes` go. `fileEnd` is where a box without a length ends. */
export function* boxesOf(bytes: Buffer, within: Partial<Box> & { fileEnd?: number } = {}): Generator<Box> {
  const { start = 0, end = bytes.length, fileEnd = end } = within
  for (let at = start; at + 8 <= Math.min(end, bytes.length); ) {
    const short = bytes.readUInt32BE(at)
    const type = bytes.toString('latin1', at + 4, at + 8)
    if (short === 1 && at + 16 > bytes.length) return
    const header = short === 1 ? 16 : 8
    const size = short === 0 ? fileEnd - at : short === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : short
    if (size < header) return
    yield { type, start: at + header, end: at + size }
    at += size
  }
}

export type Element = { id: number; start: number; end: number }

/** The elements of a Matroska or WebM file between two places, as far as `bytes` go. */
export function* elementsOf(bytes: Buffer, start: number, end: number): Generator<Element> {
  for (let at = start; at < Math.min(end, bytes.length); ) {
    const idLength = numberLength(bytes[at]!)
    const lengthAt = at + idLength
    const sizeLength = numberLength(bytes[lengthAt] ?? 0)
    if (idLength > 4 || sizeLength > 8 || lengthAt + sizeLength > bytes.length) return
    const size = elementSize(bytes.subarray(lengthAt, lengthAt + sizeLength))
    const from = lengthAt + sizeLength
    yield { id: bytes.readUIntBE(at, idLength), start: from, end: size === undefined ? end : from + size }
    if (size === undefined) return
    at = from + size
  }
}

/** The place of the first set bit says how many bytes a number has. */
const numberLength = (first: number) => Math.clz32(first) - 23

/** @returns undefined for a length that was not known when the file was written */
function elementSize(bytes: Buffer): number | undefined {
  const marker = 1 << (8 - bytes.length)
  const values = [bytes[0]! & (marker - 1), ...bytes.subarray(1)]
  if (values[0] === marker - 1 && values.slice(1).every((value) => value === 255)) return undefined
  return values.reduce((sum, value) => sum * 256 + value, 0)
}
