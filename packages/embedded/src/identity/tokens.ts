import { createPublicKey } from 'node:crypto'
import { createLocalJWKSet, importJWK, type JWK, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import type { Realm, RealmClient } from './realm-file.ts'
import type { User } from './users.store.ts'

export type Signer = Awaited<ReturnType<typeof createSigner>>

/** Signs with the newest key; verifies with every key kept. @param keys private JWKs, newest first */
export async function createSigner(keys: JWK[]) {
  const signing = keys.filter((key) => key.use === 'sig')
  const [newest = {}] = signing
  const header = { alg: 'RS256', typ: 'JWT', kid: String(newest.kid) }
  const privateKey = await importJWK(newest, 'RS256')
  const publicOnly = signing.map(({ kty, n, e, kid, alg, use }) => ({ kty, n, e, kid, alg, use }) as JWK)
  const verifying = createLocalJWKSet({ keys: publicOnly })
  return {
    /** Base64 of the signing key's SubjectPublicKeyInfo. */
    publicKey: createPublicKey({ key: { ...newest }, format: 'jwk' })
      .export({ type: 'spki', format: 'der' })
      .toString('base64'),
    sign: (claims: JWTPayload): Promise<string> => new SignJWT(claims).setProtectedHeader(header).sign(privateKey),
    /** Claims of a valid access token of the issuer, undefined for anything else. */
    verify: async (issuer: string, token: string): Promise<JWTPayload | undefined> => {
      const verified = await jwtVerify(token, verifying, { issuer, algorithms: ['RS256'] }).catch(() => undefined)
      return verified?.payload.typ === 'Bearer' ? verified.payload : undefined
    },
  }
}

/** Names of the realm roles of a user, given directly or through a group. */
export function heldRoles({ groups }: Realm, user: User): string[] {
  const joined = groups.filter(({ path }) => user.groups.includes(path))
  return [...user.roles, ...joined.flatMap(({ realmRoles }) => realmRoles)]
}

/** What an access token says beside its times, id and session: the audience, roles that are in the client's scope, the person. */
export function accessTokenClaims(realm: Realm, client: RealmClient, user: User): JWTPayload {
  const inScope = (mappings: Realm['scopeMappings'] = [], held: string[]) =>
    mappings
      .flatMap((mapping) => (mapping.client === client.clientId ? mapping.roles : []))
      .filter((role) => held.includes(role))
  const roles = inScope(realm.scopeMappings, heldRoles(realm, user))
  const access = Object.entries(user.clientRoles)
    .map(([owner, held]) => [owner, { roles: inScope(realm.clientScopeMappings[owner], held) }] as const)
    .filter(([, { roles }]) => roles.length > 0)
  const named = client.protocolMappers.flatMap(({ config }) => config['included.custom.audience'] ?? [])
  const audience = [...named, ...access.map(([owner]) => owner)]
  return {
    aud: audience.length === 1 ? audience[0] : audience,
    sub: user.id,
    typ: 'Bearer',
    azp: client.clientId,
    acr: '1',
    'allowed-origins': client.webOrigins,
    realm_access: roles.length > 0 ? { roles } : undefined,
    resource_access: access.length > 0 ? Object.fromEntries(access) : undefined,
    ...personClaims(client, user),
  }
}

/** What tokens and userinfo say of the person; claims without a value are absent. */
export function personClaims({ protocolMappers }: RealmClient, user: User): JWTPayload {
  const mapped = protocolMappers.flatMap(({ config: { 'claim.name': claim, 'user.attribute': name = '' } }) =>
    claim ? [[claim, user.attributes[name]?.[0]]] : [],
  )
  return {
    email_verified: user.emailVerified,
    preferred_username: user.username,
    email: user.email,
    given_name: user.firstName,
    family_name: user.lastName,
    name: [user.firstName, user.lastName].filter(Boolean).join(' ') || undefined,
    ...Object.fromEntries(mapped),
  }
}
