import { randomBytes, randomUUID } from 'node:crypto'

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz'

/** `prefix_` and `length` characters of [0-9a-z] from a cryptographic source, each equally likely (24 characters: 124 bits). */
export function newId(prefix: string, length = 24): string {
  let text = ''
  while (text.length < length)
    for (const byte of randomBytes(length * 2)) {
      // 252 is the largest multiple of 36 in a byte: beyond it the remainder would favour low digits.
      if (byte < 252 && text.length < length) text += ALPHABET[byte % 36]
    }
  return `${prefix}_${text}`
}

const REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/

/** The client's request id when it is harmless, else a new one. Clients may send markup, quotes or kilobytes here. */
export const requestIdFrom = (sent: string | undefined): string =>
  sent !== undefined && REQUEST_ID.test(sent) ? sent : randomUUID()
