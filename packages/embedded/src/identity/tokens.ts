import { createHash, createPublicKey, randomUUID } from 'node:crypto'
import { createLocalJWKSet, importJWK, type JWK, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import type { Deps } from './deps.ts'
import type { Realm, RealmClient } from './realm-file.ts'
import type { Session } from './sessions.store.ts'
import type { User } from './users.store.ts'

export const epochSeconds = () => Math.floor(Date.now() / 1000)

export type Signer = Awaited<ReturnType<typeof createSigner>>

/** Signs with the newest key; verifies with every key kept. @param keys private JWKs, newest first */
export async function createSigner(keys: JWK[]) {
  const signing = keys.filter((key) => key.use === 'sig')
  const newest = signing[0]
  if (!newest?.kid) throw new Error('There is no signing key in the database')
  const { kid } = newest
  const privateKey = await importJWK(newest, 'RS256')
  const verifying = createLocalJWKSet({
    keys: signing.map(({ kty, n, e, kid, alg, use }) => ({ kty, n, e, kid, alg, use })) as JWK[],
  })
  const publicKey = createPublicKey({ key: { ...newest }, format: 'jwk' })
  return {
    /** Base64 of the signing key's SubjectPublicKeyInfo. */
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),

    sign: (issuer: string, lifetime: number, claims: JWTPayload): Promise<string> => {
      const iat = epochSeconds()
      return new SignJWT({ exp: iat + lifetime, iat, jti: randomUUID(), iss: issuer, ...claims })
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid })
        .sign(privateKey)
    },

    /** Claims of a valid access token of the issuer, undefined for anything else. */
    verify: async (issuer: string, token: string): Promise<JWTPayload | undefined> => {
      try {
        const { payload } = await jwtVerify(token, verifying, { issuer, algorithms: ['RS256'] })
        return payload.typ === 'Bearer' ? payload : undefined
      } catch {
        return undefined
      }
    },
  }
}

/** For whom tokens are made: the client that asked, its user or service account, and the login, if it was one. */
export type Subject = { client: RealmClient; user: User; session?: Session }

export function accessTokenClaims(realm: Realm, { client, user, session }: Subject, scope: string): JWTPayload {
  const held = new Set([
    ...user.roles,
    ...realm.groups.filter(({ path }) => user.groups.includes(path)).flatMap((group) => group.realmRoles),
  ])
  const roles = client.scopeRoles.filter((role) => held.has(role))
  const clientRoles = Object.entries(client.scopeClientRoles)
    .map(([owner, inScope]) => [owner, inScope.filter((role) => user.clientRoles[owner]?.includes(role))] as const)
    .filter(([, granted]) => granted.length > 0)
  const audience = [...audiences(client), ...clientRoles.map(([owner]) => owner)]
  return {
    aud: audience.length === 1 ? audience[0] : audience,
    sub: user.id,
    typ: 'Bearer',
    azp: client.clientId,
    sid: session?.sid,
    acr: '1',
    ...(client.webOrigins.length > 0 ? { 'allowed-origins': client.webOrigins } : {}),
    ...(roles.length > 0 ? { realm_access: { roles } } : {}),
    ...(clientRoles.length > 0
      ? { resource_access: Object.fromEntries(clientRoles.map(([owner, granted]) => [owner, { roles: granted }])) }
      : {}),
    scope,
    ...personClaims(client, user),
  }
}

export function idTokenClaims({ client, user, session }: Subject, accessToken: string): JWTPayload {
  const hash = createHash('sha256').update(accessToken).digest()
  return {
    aud: client.clientId,
    sub: user.id,
    typ: 'ID',
    azp: client.clientId,
    sid: session?.sid,
    at_hash: hash.subarray(0, hash.length / 2).toString('base64url'),
    acr: '1',
    ...personClaims(client, user),
  }
}

/** What tokens and userinfo say of the person; claims without a value are absent. */
export function personClaims(client: RealmClient, user: User): JWTPayload {
  const claims: JWTPayload = { email_verified: user.emailVerified, preferred_username: user.username }
  const name = [user.firstName, user.lastName].filter(Boolean).join(' ')
  if (name) claims.name = name
  if (user.firstName) claims.given_name = user.firstName
  if (user.lastName) claims.family_name = user.lastName
  if (user.email) claims.email = user.email
  for (const mapper of client.protocolMappers) {
    if (mapper.protocolMapper !== 'oidc-usermodel-attribute-mapper') continue
    const value = user.attributes[mapper.config['user.attribute']]?.[0]
    if (value !== undefined) claims[mapper.config['claim.name']] = value
  }
  return claims
}

const audiences = (client: RealmClient) =>
  client.protocolMappers.flatMap((mapper) =>
    mapper.protocolMapper === 'oidc-audience-mapper' ? [mapper.config['included.custom.audience']] : [],
  )

export type Bearer = { claims: JWTPayload; user: User } | { refusal: string }

/** Whether an access token of the realm still counts: a JWT says nothing of sessions that ended or users that left. */
export async function checkAccessToken(deps: Deps, token: string): Promise<Bearer> {
  const claims = await deps.signer.verify(deps.issuer, token)
  if (!claims || (await deps.sessions.isRevoked(String(claims.jti)))) return { refusal: 'Token verification failed' }
  if (typeof claims.sid === 'string') {
    const session = await deps.sessions.find(claims.sid)
    if (!session || session.detached || session.expiresAt <= epochSeconds())
      return { refusal: 'user_session_not_found' }
  }
  const user = await deps.users.find(String(claims.sub))
  if (!user) return { refusal: 'user_session_not_found' }
  return user.enabled ? { claims, user } : { refusal: 'User disabled' }
}
