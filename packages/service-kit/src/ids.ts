import { createHmac, randomBytes, randomUUID } from 'node:crypto'

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz'

/** `prefix_` and `length` characters of [0-9a-z] from a cryptographic source, each equally likely (24 characters: 124 bits). */
export const newId = (prefix: string, length = 24): string =>
  `${prefix}_${spell(length, () => randomBytes(length * 2))}`

/**
 * Ids like those of `newId`, but the same again from the same seed: the first of a prefix, the second, and so on.
 * Who knows the seed knows them all, so nothing that is to be secret may be made of them.
 */
export function idsFrom(seed: string): typeof newId {
  const made = new Map<string, number>()
  return (prefix, length = 24) => {
    const nth = made.get(prefix) ?? 0
    made.set(prefix, nth + 1)
    let block = 0
    return `${prefix}_${spell(length, () => createHmac('sha256', seed).update(`${prefix} ${nth} ${block++}`).digest())}`
  }
}

function spell(length: number, moreBytes: () => Buffer): string {
  let text = ''
  while (text.length < length)
    for (const byte of moreBytes()) {
      // 252 is the largest multiple of 36 in a byte: beyond it the remainder would favour low digits.
      if (byte < 252 && text.length < length) text += ALPHABET[byte % 36]
    }
  return text
}

const REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/

/** The client's request id when it is harmless, else a new one. Clients may send markup, quotes or kilobytes here. */
export const requestIdFrom = (sent: string | undefined): string =>
  sent !== undefined && REQUEST_ID.test(sent) ? sent : randomUUID()
