import { createRemoteJWKSet, type JWTVerifyGetKey } from 'jose'

const KEYS_FRESH_MS = 600_000

/**
 * The issuer's keys, asked for at first use, when a token names an unknown one, and every ten minutes beside the call
 * that needs them: while the issuer is away, the keys that are known go on verifying.
 */
export function issuerKeys(url: string): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(new URL(url), {
    timeoutDuration: 3000,
    cooldownDuration: 5000,
    cacheMaxAge: Number.POSITIVE_INFINITY,
  })
  let asked = Date.now()
  return (header, token) => {
    if (keys.fresh && Date.now() - asked > KEYS_FRESH_MS) {
      asked = Date.now()
      keys.reload().catch(() => undefined)
    }
    return keys(header, token)
  }
}
