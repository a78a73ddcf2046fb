import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { crc32, createDeflate, createDeflateRaw } from 'node:zlib'
import type { Packed } from './zip-file.ts'

const MIB = Buffer.alloc(1024 * 1024, ' ')

/** So many MiB of blanks, as they lie in a stream of a PDF: about a thousandth of that. */
export const blanks = (mebibytes: number): Promise<Buffer> => buffer(repeated(mebibytes).pipe(createDeflate()))

/** The same as they lie in a ZIP file. */
export async function packedBlanks(mebibytes: number): Promise<Packed> {
  let checksum = 0
  for (let count = 0; count < mebibytes; count++) checksum = crc32(MIB, checksum)
  return { bytes: await buffer(repeated(mebibytes).pipe(createDeflateRaw())), size: mebibytes * MIB.length, checksum }
}

const repeated = (times: number) =>
  Readable.from(
    (function* () {
      for (let count = 0; count < times; count++) yield MIB
    })(),
  )
