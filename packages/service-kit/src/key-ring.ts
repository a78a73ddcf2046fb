/** A key and the name under which it is found again. */
export type RingKey = { kid: string; secret: Uint8Array }

/** In bytes: the key of HMAC-SHA-256 and of AES-256. */
const KEY_BYTES = 32

/**
 * Reads `kid:secret[,kid:secret…]`, secrets as base64url: of exactly 32 bytes, or of no fewer.
 * @throws Error that names the bad entry by its number and shows nothing of it
 */
export function parseKeyRing(text: string, { orMore }: { orMore: boolean }): RingKey[] {
  const kids = new Set<string>()
  return text.split(',').map((entry, index) => {
    const place = `entry ${index + 1}`
    const [, kid, encoded] = /^([\w-]+):([\w-]+)$/.exec(entry.trim()) ?? []
    if (!kid || !encoded)
      throw new Error(`${place} is not kid:secret in letters, digits, - and _ (base64url without padding)`)
    const secret = Buffer.from(encoded, 'base64url')
    if (secret.length < KEY_BYTES || (secret.length > KEY_BYTES && !orMore))
      throw new Error(`the secret of ${place} has ${secret.length} bytes, not ${KEY_BYTES}${orMore ? ' or more' : ''}`)
    if (kids.has(kid)) throw new Error(`${place} has the key id of an entry before it`)
    kids.add(kid)
    return { kid, secret }
  })
}
