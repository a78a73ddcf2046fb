import { decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { AppError, unavailable } from './errors.ts'
import { type Grant, INTERNAL_TYPE, type InternalTokens, SKEW_SECONDS } from './internal-token.ts'
import { issuerKeys } from './issuer-keys.ts'

/** A human, a guest, or a key that acts for a human. */
export type Person = {
  kind: 'user' | 'guest' | 'key'
  /** The identity provider's `sub`; the same whether they come with a token or a key. */
  subject: string
  /** The tenant. Today each person has one workspace of their own, whose id is the subject. */
  workspaceId: string
  roles: string[]
  /** What a key may do; absent means everything its person may. */
  scopes?: string[]
  username?: string
  email?: string
  /** The provider's session that an access token belongs to. */
  sessionId?: string
  keyId?: string
  /** The service that acts for this person, when the call came with an internal token. */
  via?: string
  /** A person's approval of one frozen tool call. */
  grant?: Grant
}

/** One of our services (or the holder of an operator's key), acting for itself. */
export type Service = { kind: 'service'; service: string }
export type Caller = Person | Service

export type RequestHeaders = Readonly<Record<string, string | undefined>>

/** Says who asks, at once when it knows: undefined without credentials. @throws AppError `unauthenticated` for bad ones, `unavailable` when they cannot be judged. */
export type Authenticate = (headers: RequestHeaders) => Caller | undefined | Promise<Caller | undefined>

/** The value of `WWW-Authenticate` on a 401. */
export type Challenge = (problem?: string) => string

export const bearerChallenge: Challenge = (problem) =>
  `Bearer realm="jan"${problem ? `, error="invalid_token", error_description="${problem}"` : ''}`

export const unauthenticated = (message: string, challenge: string, cause?: unknown) =>
  new AppError('unauthenticated', message, { cause, headers: { 'www-authenticate': challenge } })

export type BearerOptions = {
  issuer: string
  /** Any of these in `aud` is enough. */
  audience: string[]
  jwksUrl: string
  /** Clients whose tokens are accepted, by `azp`; absent: any. A token that names none is accepted. */
  clients?: string[]
  /** Verifies internal tokens of other services; without it they are refused. */
  internal?: InternalTokens
  challenge?: Challenge
  /** Test seam: keys from elsewhere than `jwksUrl`. */
  keys?: JWTVerifyGetKey
  now?: () => number
}

const REMEMBERED = 10_000

/**
 * Verifies `Authorization: Bearer`: an access token of the identity provider (RS256, by its JWKS) or an internal token.
 * Verified access tokens are remembered until they expire, so that a warm check is one look into a map;
 * keys are fetched at first use, so that a late identity provider delays nobody's start.
 */
export function bearerAuth(options: BearerOptions): Authenticate {
  const keys = options.keys ?? issuerKeys(options.jwksUrl)
  const challenge = options.challenge ?? bearerChallenge
  const now = options.now ?? Date.now
  /** By the whole header. */
  const known = new Map<string, { person: Person; until: number }>()

  const verify = async (token: string): Promise<{ person: Person; until: number }> => {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: ['RS256'],
      issuer: options.issuer,
      audience: options.audience,
      requiredClaims: ['exp', 'sub'],
      currentDate: new Date(now()),
      clockTolerance: SKEW_SECONDS,
    })
    requirePast(payload, now())
    if (options.clients && payload.azp !== undefined && !options.clients.includes(String(payload.azp)))
      throw new errors.JWTClaimValidationFailed('of a client that is not known', payload, 'azp')
    // An ID token is signed by the same keys, but it is no permission to call anything.
    if (payload.typ !== undefined && payload.typ !== 'Bearer')
      throw new errors.JWTClaimValidationFailed('not an access token', payload, 'typ')
    return { person: personFrom(payload), until: payload.exp! * 1000 }
  }

  const meet = async (token: string, header: string): Promise<Caller> => {
    known.delete(header)
    if (isInternal(token)) {
      if (!options.internal) throw unauthenticated('Internal tokens are not accepted here', challenge('not accepted'))
      return options.internal.verify(token).catch((error: unknown) => {
        throw unauthenticated('The internal token is not valid', challenge('The token is not valid'), error)
      })
    }
    try {
      const fresh = await verify(token)
      if (known.size >= REMEMBERED) known.delete(known.keys().next().value!)
      known.set(header, fresh)
      return fresh.person
    } catch (error) {
      throw refusal(error, challenge)
    }
  }

  return (headers) => {
    const header = headers.authorization
    if (header === undefined) return undefined
    const seen = known.get(header)
    if (seen && seen.until > now()) return seen.person
    const token = bearerToken(header)
    return token === undefined ? undefined : meet(token, header)
  }
}

/** The first of several that knows the caller; at once when all that are asked know at once. */
export const firstOf =
  (...ways: Authenticate[]): Authenticate =>
  (headers) => {
    for (const [index, way] of ways.entries()) {
      const caller = way(headers)
      if (caller instanceof Promise) return caller.then((known) => known ?? firstOf(...ways.slice(index + 1))(headers))
      if (caller) return caller
    }
    return undefined
  }

/** The token of `Authorization: Bearer`; undefined for any other scheme. */
export function bearerToken(header: string | undefined): string | undefined {
  if (!header || !/^Bearer /i.test(header)) return undefined
  const token = header.slice(7).trim()
  return token === '' || token.includes(' ') ? undefined : token
}

/** jose looks at `iat` only when a token has a greatest age. */
function requirePast(payload: JWTPayload, now: number): void {
  if (payload.iat !== undefined && payload.iat > now / 1000 + SKEW_SECONDS)
    throw new errors.JWTClaimValidationFailed('issued in the future', payload, 'iat')
}

function isInternal(token: string): boolean {
  try {
    return decodeProtectedHeader(token).typ === INTERNAL_TYPE
  } catch {
    return false
  }
}

/** Guest is who has the role `guest`; any other authenticated person is a user (self-registered ones may have no role at all). */
function personFrom(payload: JWTPayload): Person {
  const access = payload.realm_access as { roles?: unknown } | undefined
  const roles = Array.isArray(access?.roles) ? access.roles.filter((role) => typeof role === 'string') : []
  const { preferred_username: username, email, sid } = payload
  return {
    kind: roles.includes('guest') ? 'guest' : 'user',
    subject: payload.sub!,
    workspaceId: payload.sub!,
    roles,
    ...(typeof username === 'string' ? { username } : {}),
    ...(typeof email === 'string' ? { email } : {}),
    ...(typeof sid === 'string' ? { sessionId: sid } : {}),
  }
}

function refusal(error: unknown, challenge: Challenge): AppError {
  const isVerdict =
    error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout) && error.code !== 'ERR_JOSE_GENERIC'
  if (!isVerdict)
    return unavailable('The identity provider is not reachable, so this token cannot be checked right now', error)
  const why = error instanceof errors.JWTExpired ? 'The token has expired' : 'The token is not valid'
  return unauthenticated(why, challenge(why), error)
}
