import { imageSize } from 'image-size'
import type { MediaType } from './media-type.ts'

export type ImageSize = {
  /** Pixels, as it is displayed. */
  width: number
  height: number
}

/** Orientations of EXIF that lay a picture on its side. */
const SIDEWAYS = new Set([5, 6, 7, 8])

/**
 * Reads from its first ≤ 64 KiB how large a picture is when it is shown, turned as its EXIF data say.
 * @returns undefined for what is no picture, and for one that does not say it so early
 */
export function measureImage({ kind }: MediaType, head: Buffer): ImageSize | undefined {
  if (kind !== 'image') return undefined
  try {
    const { width, height, orientation } = imageSize(Buffer.from(head))
    if (!(width > 0 && height > 0)) return undefined
    return SIDEWAYS.has(orientation ?? 1) ? { width: height, height: width } : { width, height }
  } catch {
    return undefined
  }
}
