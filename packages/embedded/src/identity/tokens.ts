import { createHash, createPublicKey } from 'node:crypto'
import { createLocalJWKSet, importJWK, type JWK, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import type { Realm, RealmClient } from './realm-file.ts'
import type { User } from './users.store.ts'

export type Signer = Awaited<ReturnType<typeof createSigner>>

/** Signs with the newest key; verifies with every key kept. @param keys private JWKs, newest first */
export async function createSigner(keys: JWK[]) {
  const signing = keys.filter((key) => key.use === 'sig')
  const newest = signing[0]
  if (!newest?.kid) throw new Error('There is no signing key in the database')
  const { kid } = newest
  const privateKey = await importJWK(newest, 'RS256')
  const publicOnly = signing.map(({ kty, n, e, kid, alg, use }) => ({ kty, n, e, kid, alg, use }) as JWK)
  const verifying = createLocalJWKSet({ keys: publicOnly })
  return {
    /** Base64 of the signing key's SubjectPublicKeyInfo. */
    publicKey: createPublicKey({ key: { ...newest }, format: 'jwk' })
      .export({ type: 'spki', format: 'der' })
      .toString('base64'),
    sign: (claims: JWTPayload): Promise<string> =>
      new SignJWT(claims).setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid }).sign(privateKey),
    /** Claims of a valid access token of the issuer, undefined for anything else. */
    verify: async (issuer: string, token: string): Promise<JWTPayload | undefined> => {
      const verified = await jwtVerify(token, verifying, { issuer, algorithms: ['RS256'] }).catch(() => undefined)
      return verified?.payload.typ === 'Bearer' ? verified.payload : undefined
    },
  }
}

/** What an access token says beside its times, id and session: the audience, roles that are in the client's scope, the person. */
export function accessTokenClaims(realm: Realm, client: RealmClient, user: User): JWTPayload {
  const groups = realm.groups.filter(({ path }) => user.groups.includes(path))
  const held = new Set([...user.roles, ...groups.flatMap(({ realmRoles }) => realmRoles)])
  const roles = client.scopeRoles.filter((role) => held.has(role))
  const clientRoles = client.scopeClientRoles
    .map(([owner, inScope]) => [owner, inScope.filter((role) => user.clientRoles[owner]?.includes(role))] as const)
    .filter(([, granted]) => granted.length > 0)
  const named = client.protocolMappers.flatMap(({ config }) => config['included.custom.audience'] ?? [])
  const audience = [...named, ...clientRoles.map(([owner]) => owner)]
  const access = Object.fromEntries(clientRoles.map(([owner, granted]) => [owner, { roles: granted }]))
  return {
    aud: audience.length === 1 ? audience[0] : audience,
    sub: user.id,
    ...{ typ: 'Bearer', azp: client.clientId, acr: '1' },
    ...(client.webOrigins.length > 0 ? { 'allowed-origins': client.webOrigins } : {}),
    ...(roles.length > 0 ? { realm_access: { roles } } : {}),
    ...(clientRoles.length > 0 ? { resource_access: access } : {}),
    ...personClaims(client, user),
  }
}

/** What tokens and userinfo say of the person; claims without a value are absent. */
export function personClaims(client: RealmClient, user: User): JWTPayload {
  const { emailVerified, username, firstName, lastName, email, attributes } = user
  const mapped = client.protocolMappers.map(({ config }) => [
    config['claim.name'] ?? '',
    attributes[config['user.attribute'] ?? '']?.[0],
  ])
  const claims: [string, unknown][] = [
    ...Object.entries({ email_verified: emailVerified, preferred_username: username, email }),
    ...Object.entries({ given_name: firstName, family_name: lastName }),
    ['name', [firstName, lastName].filter(Boolean).join(' ') || undefined],
    ...(mapped as [string, unknown][]),
  ]
  return Object.fromEntries(claims.filter(([, value]) => value !== undefined))
}

/** The left half of the token's hash, which ties an id token to its access token. */
export const halfHash = (token: string) =>
  createHash('sha256').update(token).digest().subarray(0, 16).toString('base64url')
