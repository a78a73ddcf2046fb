import { unfinishedLength } from '../content/utf8-judge.ts'

export type Text = { text: string; truncated: boolean }

/** NFC, lines that end in \n, and no other control character but tabs. */
export function cleanText(text: string): string {
  return text
    .replace(/^\uFEFF/, '')
    .replace(/\r\n?|[\f\v\u0085\u2028\u2029]/g, '\n')
    .toWellFormed()
    .normalize('NFC')
    .replace(/[^\P{Cc}\n\t]/gu, '')
}

/** The same for text that was laid out: no blanks at the ends of lines, no more than one empty line, nothing around it. */
export function tidyText(text: string): string {
  return cleanText(text)
    .replace(/[ \t\u00a0]+(?=\n|$)/g, '')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}

/** At most so many bytes of UTF-8, cut between two characters. */
export function cutText(text: string, maxBytes: number): Text {
  const bytes = Buffer.from(text)
  if (bytes.length <= maxBytes) return { text, truncated: false }
  const head = bytes.subarray(0, maxBytes)
  return { text: head.toString('utf8', 0, maxBytes - unfinishedLength(head)), truncated: true }
}
