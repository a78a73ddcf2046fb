import { z } from 'zod'

/** Control characters but tab and line ends. */
const CONTROL = /[^\P{Cc}\t\n\r]/u
/** A letter, digit, sign or mark of punctuation: something that can be seen. */
const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u

const text = () => z.string({ error: ({ input }) => (input === undefined ? 'required' : 'expected text') })

/** Text of any language as it was sent: joiners, marks of direction and special spaces stay. At most `most` characters (code points). */
export const keptText = (most: number) =>
  text()
    .refine((text) => isWithin(text, most), `expected at most ${most} characters`)
    .refine(isPlain, 'holds a control character, or half of a character')

/** A name that people read: without spaces around it, and with something to see. */
export const label = (most: number) =>
  text()
    .trim()
    .refine((text) => isWithin(text, most), `expected at most ${most} characters`)
    .refine(isPlain, 'holds a control character, or half of a character')
    .refine((text) => VISIBLE.test(text), 'expected something that can be seen')

/** Counts no more than it must: a text of megabytes is too long at once. */
const isWithin = (text: string, most: number) =>
  text.length <= most || (text.length <= 2 * most && [...text].length <= most)

const isPlain = (text: string) => text.isWellFormed() && !CONTROL.test(text)
