import { z } from 'zod'

/** Code points: what a person counts, unlike UTF-16 units. */
export const codePoints = (text: string): number => {
  let count = 0
  for (const _ of text) count += 1
  return count
}

/** Text that every store can hold: no U+0000, no half of a surrogate pair. Joiners, marks and emoji are text. */
export const plainText = (most: number) =>
  z
    .string()
    .refine((text) => !text.includes('\0'), 'may not hold the character U+0000')
    .refine((text) => text.isWellFormed(), 'is not whole Unicode text')
    .refine((text) => text.length <= most || codePoints(text) <= most, `expected at most ${most} characters`)

export const Title = plainText(256)
  .refine((text) => text === '' || text.trim() !== '', 'expected more than spaces')
  .describe('At most 256 characters; empty or null: none')

const KEYS = 16

/** OpenAI's: up to 16 keys of 64 characters, with values of 512. */
export const Metadata = z
  .record(plainText(64).min(1, 'expected a name'), plainText(512))
  .refine((metadata) => Object.keys(metadata).length <= KEYS, `expected at most ${KEYS} keys`)

export const Referrer = plainText(64)
  .refine((text) => text.trim() !== '', 'expected more than spaces')
  .describe('Which application it belongs to, in a name of its own')
