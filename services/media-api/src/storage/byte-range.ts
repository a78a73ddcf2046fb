import { AppError } from '@jan/service-kit/errors'
import type { ByteRange } from './object-storage.ts'

/**
 * The one range that is asked for, or undefined for the whole. Several ranges, and what is no byte range at all,
 * are ignored, as RFC 9110 §14.2 allows.
 * @throws AppError `range_not_satisfiable` when nothing of it lies inside the object
 */
export function requireRange(header: string | undefined, size: number): ByteRange | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? []
  if (first === '' && last === '') return undefined
  const range =
    first === ''
      ? { start: Math.max(size - Number(last), 0), end: size - 1 }
      : { start: Number(first), end: last === '' ? size - 1 : Math.min(Number(last), size - 1) }
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined
  if (range.start >= size)
    throw new AppError('range_not_satisfiable', `The range lies outside the ${size} bytes of this object`, {
      headers: { 'content-range': `bytes */${size}` },
    })
  return range
}
