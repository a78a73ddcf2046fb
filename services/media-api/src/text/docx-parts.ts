import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl'
import { Unreadable } from './unreadable.ts'

const MAX_ENTRIES = 2000
/** Of the parts that hold text, and of everything in a small file. */
const MAX_BYTES = 64 * 1024 * 1024
/** Pictures are packed already: a file that is large itself may hold more, but not much more than it weighs. */
const MAX_RATIO = 4

/**
 * Unpacks a ZIP file part by part, counts what really comes out and keeps the parts that hold text. Archives in it are not opened.
 * @throws Unreadable for a bomb: too many parts, too much in them, parts that share their bytes or their name
 */
export async function docxParts(file: Buffer): Promise<Map<string, Buffer>> {
  const zip = await fromBufferPromise(file, { lazyEntries: true }).catch(() => undefined)
  if (!zip) throw new Unreadable('damaged')
  if (zip.entryCount > MAX_ENTRIES) throw new Unreadable('bomb', `it consists of more than ${MAX_ENTRIES} parts`)
  const parts = new Map<string, Buffer>()
  const names = new Set<string>()
  const places: [start: number, end: number][] = []
  const left = { all: Math.max(MAX_BYTES, MAX_RATIO * file.length), text: MAX_BYTES }
  for await (const entry of zip.eachEntry()) {
    if (names.has(entry.fileName)) throw new Unreadable('bomb', 'two of its parts have one name')
    names.add(entry.fileName)
    if (entry.isEncrypted()) throw new Unreadable('protected')
    places.push([entry.relativeOffsetOfLocalHeader, entry.relativeOffsetOfLocalHeader + 30 + entry.compressedSize])
    const isText = /\.(xml|rels)$/i.test(entry.fileName)
    const content = await unpack(zip, entry, isText, left)
    if (isText) parts.set(entry.fileName, Buffer.concat(content))
  }
  places.sort(([one], [other]) => one - other)
  if (places.some(([, end], index) => end > (places[index + 1]?.[0] ?? end)))
    throw new Unreadable('bomb', 'its parts share their bytes')
  return parts
}

/** Takes what it unpacks from what is `left`. */
async function unpack(
  zip: ZipFile,
  entry: Entry,
  keep: boolean,
  left: { all: number; text: number },
): Promise<Buffer[]> {
  const kept: Buffer[] = []
  for await (const chunk of await zip.openReadStreamPromise(entry)) {
    left.all -= chunk.length
    if (keep) left.text -= chunk.length
    if (left.all < 0 || left.text < 0) throw new Unreadable('bomb')
    if (keep) kept.push(chunk)
  }
  return kept
}
