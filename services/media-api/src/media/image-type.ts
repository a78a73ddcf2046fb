import { AppError } from '@jan/service-kit/errors'
import { fileTypeFromBuffer } from 'file-type'

export type ImageType = {
  mime: string
  /** What files of this type are called; the first is given to files without a fitting name. */
  extensions: [string, ...string[]]
}

const PNG: ImageType = { mime: 'image/png', extensions: ['png', 'apng'] }
const ACCEPTED = new Map<string, ImageType>([
  ['image/png', PNG],
  // An animated PNG is a PNG to everyone who does not know better.
  ['image/apng', PNG],
  ['image/jpeg', { mime: 'image/jpeg', extensions: ['jpg', 'jpeg', 'jpe', 'jfif'] }],
  ['image/webp', { mime: 'image/webp', extensions: ['webp'] }],
  ['image/gif', { mime: 'image/gif', extensions: ['gif'] }],
  ['image/bmp', { mime: 'image/bmp', extensions: ['bmp', 'dib'] }],
  ['image/tiff', { mime: 'image/tiff', extensions: ['tiff', 'tif'] }],
])

/**
 * Says what the bytes are; what the sender called them does not count.
 * @throws AppError `unsupported_media_type` for anything but the six kinds of picture
 */
export async function requireImageType(bytes: Buffer): Promise<ImageType> {
  const found = await fileTypeFromBuffer(bytes)
  const type = ACCEPTED.get(found?.mime ?? '')
  if (type && headerHolds(type.mime, bytes)) return type
  const what = found && !type ? `this is ${found.mime}` : 'this is none of them'
  throw new AppError(
    'unsupported_media_type',
    `Only PNG, JPEG, WebP, GIF, BMP and TIFF images are accepted, and ${what}`,
  )
}

/** Sizes of the second header of a BMP: OS/2 1 and 2, and Windows from 3 to 5. */
const BMP_HEADER_SIZES = new Set([12, 16, 40, 52, 56, 64, 108, 124])

/** Two or three letters make a BMP or a GIF to `file-type`, and many a text begins with them. */
function headerHolds(mime: string, bytes: Buffer): boolean {
  if (mime === 'image/bmp') return bytes.length >= 26 && BMP_HEADER_SIZES.has(bytes.readUInt32LE(14))
  if (mime === 'image/gif') return bytes.length >= 13 && /^GIF8[79]a$/.test(bytes.toString('latin1', 0, 6))
  return true
}
