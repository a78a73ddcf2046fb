import { randomUUID } from 'node:crypto'
import { jwtVerify, SignJWT } from 'jose'
import type { Caller, Person } from './auth.ts'
import { parseKeyRing, type RingKey } from './key-ring.ts'
import { createRecentlyUsed } from './recently-used.ts'

export const INTERNAL_TYPE = 'jan-internal+jwt'
const LIFE_SECONDS = 60
/** How far the clocks of two machines may lie apart. */
export const SKEW_SECONDS = 5

/** An approval that travels with the call it approves. */
export type Grant = { approvalId: string; callHash: string }

export type InternalKey = RingKey

/**
 * Tokens between our services: issuer = the calling service, audience = the called one, at most 60 s, minted per call and
 * good for one call: each process refuses what it has seen already.
 * They carry the person they act for and are never wider than that person.
 */
export type InternalTokens = {
  mint(audience: string, actor: Caller, grant?: Grant): Promise<string>
  /** @throws when it is not ours, not for us, too old, or was used before */
  verify(token: string): Promise<Caller>
}

/** The first key signs, all of them verify: a new one is added behind everywhere, then goes in front, and the old one leaves. */
export function createInternalTokens(service: string, keys: InternalKey[]): InternalTokens {
  const [current] = keys
  if (!current) throw new Error('INTERNAL_TOKEN_KEYS holds no key')
  const used = createRecentlyUsed<true>(
    { most: 200_000, idleMs: (LIFE_SECONDS + 2 * SKEW_SECONDS) * 1000 },
    () => undefined,
  )
  const byId = new Map(keys.map((key) => [key.kid, key.secret]))
  return {
    mint: (audience, actor, grant) =>
      new SignJWT({ act: bare(actor), ...(grant ? { grant } : {}) })
        .setProtectedHeader({ alg: 'HS256', typ: INTERNAL_TYPE, kid: current.kid })
        .setIssuer(service)
        .setSubject(actor.kind === 'service' ? actor.service : actor.subject)
        .setAudience(audience)
        .setJti(randomUUID())
        .setIssuedAt()
        .setExpirationTime(`${LIFE_SECONDS}s`)
        .sign(current.secret),
    verify: async (token) => {
      const { payload } = await jwtVerify(
        token,
        ({ kid }) => {
          const secret = byId.get(kid ?? '')
          if (!secret) throw new Error(`unknown key id ${kid}`)
          return secret
        },
        {
          algorithms: ['HS256'],
          typ: INTERNAL_TYPE,
          audience: service,
          maxTokenAge: LIFE_SECONDS,
          clockTolerance: SKEW_SECONDS,
          requiredClaims: ['exp', 'iss', 'act', 'jti'],
        },
      )
      if (used.get(payload.jti!, Date.now())) throw new Error('the token was used before')
      used.set(payload.jti!, true, Date.now())
      const actor = payload.act as Caller
      if (actor.kind === 'service') return { kind: 'service', service: payload.iss! }
      return { ...(actor as Person), via: payload.iss!, ...(payload.grant ? { grant: payload.grant as Grant } : {}) }
    },
  }
}

/** The actor without what belongs to the call that brought it here: an approval covers one call, not those that follow. */
function bare(actor: Caller): Caller {
  if (actor.kind === 'service') return actor
  const { via: _via, grant: _grant, ...person } = actor
  return person
}

/** Reads `INTERNAL_TOKEN_KEYS`: `kid:secret[,kid:secret…]`, secrets base64url of at least 32 bytes. @throws Error naming the bad entry */
export const parseInternalKeys = (text: string): InternalKey[] => parseKeyRing(text, { orMore: true })
