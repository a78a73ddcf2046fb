import { createLocalJWKSet, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'

export const TEST_ISSUER = 'http://identity.test/realms/jan'

export type TokenIssuer = {
  /** What `bearerAuth({ keys })` takes. */
  keys: ReturnType<typeof createLocalJWKSet>
  issuer: string
  /** A signed access token; `claims` override the usual ones. */
  token(subject: string, claims?: JWTPayload & Record<string, unknown>): Promise<string>
  /** `{ authorization: 'Bearer …' }` */
  bearer(subject: string, claims?: JWTPayload & Record<string, unknown>): Promise<{ authorization: string }>
}

/** Signs access tokens shaped as the identity provider's, with a key of its own. */
export async function createTokenIssuer(issuer: string = TEST_ISSUER): Promise<TokenIssuer> {
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const jwk = { ...(await exportJWK(publicKey)), alg: 'RS256', use: 'sig', kid: 'test' }
  const token: TokenIssuer['token'] = (subject, claims = {}) =>
    new SignJWT({
      aud: 'jan',
      typ: 'Bearer',
      azp: 'jan-client',
      preferred_username: subject,
      realm_access: { roles: ['user'] },
      exp: Math.floor(Date.now() / 1000) + 3600,
      ...claims,
    })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: 'test' })
      .setIssuer(claims.iss ?? issuer)
      .setSubject(subject)
      .setIssuedAt()
      .sign(privateKey)
  return {
    keys: createLocalJWKSet({ keys: [jwk] }),
    issuer,
    token,
    bearer: async (subject, claims) => ({ authorization: `Bearer ${await token(subject, claims)}` }),
  }
}
