import type { Edges } from './edges.ts'

const ZIP_END = Buffer.from('PK\x05\x06', 'latin1')
const ZIP64_LOCATOR = Buffer.from('PK\x06\x07', 'latin1')
const ZIP_ENTRY = Buffer.from('PK\x01\x02', 'latin1')

/** Programs that open ZIP files search them from the end. Four bytes may stand anywhere by chance; a record that fits its directory does not. */
export function endsAsZip({ tail, bytes }: Edges): boolean {
  for (let at = tail.lastIndexOf(ZIP_END); at >= 0; at = at > 0 ? tail.lastIndexOf(ZIP_END, at - 1) : -1) {
    if (at + 22 > tail.length) continue
    if (at >= 20 && tail.subarray(at - 20, at - 16).equals(ZIP64_LOCATOR)) return true
    const [disk, entries, size] = [tail.readUInt16LE(at + 4), tail.readUInt16LE(at + 10), tail.readUInt32LE(at + 12)]
    const fitsFile = disk === 0 && size >= entries * 46 && size <= bytes - tail.length + at
    const directory = at - size
    if (fitsFile && entries === 0 && size === 0) return true
    if (fitsFile && entries > 0 && (directory < 0 || tail.subarray(directory, directory + 4).equals(ZIP_ENTRY)))
      return true
  }
  return false
}
