import { randomBytes, randomUUID } from 'node:crypto'
import type { Pool } from 'pg'

/** Keys of one owner mean nothing to another. */
export type OwnedKey = { owner: { workspaceId: string; subject: string }; key: string }
/** `fingerprint` is what was asked: the same key must come with the same. */
export type AskedKey = OwnedKey & { fingerprint: string }

/** The right to act for a key, until its lease runs out and another takes it over. */
export type Claim = OwnedKey & {
  id: string
  /** The same for every try with this key. */
  seed: string
  /** When the first try began, by the database's clock. */
  startedAt: Date
}

export type KnownKey = { fingerprint: string; seed: string; startedAt: Date; answer: string | null }

/**
 * The table `service_kit.idempotency_key`. Every time in it is the database's, so replicas need not agree on theirs.
 * `renew`, `settle` and `release` do nothing once the claim is no longer ours.
 */
export type IdempotencyKeys = {
  /** @returns undefined when another has the key, or it is answered; `find` tells which */
  claim(asked: AskedKey): Promise<Claim | undefined>
  find(asked: OwnedKey): Promise<KnownKey | undefined>
  renew(claim: Claim): Promise<void>
  /** @returns whether the claim was still ours, so that this is the answer now */
  settle(claim: Claim, answer: string): Promise<boolean>
  /** Frees the key for any request; the ids of the next try stay those of this one. */
  release(claim: Claim): Promise<void>
  /** Forgets the keys whose time is over. @returns how many */
  forgetOld(): Promise<number>
  /** Forgets all that was asked in a workspace. @returns how many keys */
  forgetWorkspace(workspaceId: string): Promise<number>
}

export type KeyTimes = {
  /** How long a claim holds without being renewed. */
  leaseMs: number
  /** How long a key is known after it was first used. */
  keepMs: number
}

/** Nobody acts for it (any more), and its time is over: $1 is `keepMs`. */
const FORGOTTEN = `(known.created_at < now() - $1 * interval '1 ms' AND coalesce(known.lease_until < now(), true))`

/** Of several at once the first inserts or updates; the others wait for its row, see it claimed, and get nothing. */
const CLAIM = `
  INSERT INTO service_kit.idempotency_key AS known
    (workspace_id, subject, key, fingerprint, seed, claim, lease_until, created_at)
  VALUES ($2, $3, $4, $5, $6, $7, now() + $8 * interval '1 ms', now())
  ON CONFLICT (workspace_id, subject, key) DO UPDATE SET
    fingerprint = excluded.fingerprint, claim = excluded.claim, lease_until = excluded.lease_until, answer = NULL,
    seed = CASE WHEN ${FORGOTTEN} THEN excluded.seed ELSE known.seed END,
    created_at = CASE WHEN ${FORGOTTEN} THEN excluded.created_at ELSE known.created_at END
  WHERE ${FORGOTTEN}
    OR (known.lease_until IS NULL AND known.answer IS NULL)
    OR (known.lease_until < now() AND known.fingerprint = excluded.fingerprint)
  RETURNING seed, created_at AS "startedAt"`

const FIND = `
  SELECT fingerprint, seed, created_at AS "startedAt", answer FROM service_kit.idempotency_key
  WHERE workspace_id = $1 AND subject = $2 AND key = $3`

const IS_OURS = 'workspace_id = $1 AND subject = $2 AND key = $3 AND claim = $4 AND lease_until IS NOT NULL'
const RENEW = `UPDATE service_kit.idempotency_key SET lease_until = now() + $5 * interval '1 ms' WHERE ${IS_OURS}`
const SETTLE = `UPDATE service_kit.idempotency_key SET lease_until = NULL, answer = $5 WHERE ${IS_OURS}`
const RELEASE = `UPDATE service_kit.idempotency_key SET lease_until = NULL WHERE ${IS_OURS}`

/** In bounded pieces: what piled up while nobody forgot must not exceed the time of a statement. */
const BATCH = 10_000
const FORGET_OLD = `
  DELETE FROM service_kit.idempotency_key WHERE ctid IN (
    SELECT ctid FROM service_kit.idempotency_key AS known WHERE ${FORGOTTEN} LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`
const FORGET_WORKSPACE = 'DELETE FROM service_kit.idempotency_key WHERE workspace_id = $1'

const nameOf = ({ owner, key }: OwnedKey) => [owner.workspaceId, owner.subject, key]

export const createIdempotencyKeys = (pool: Pool, { leaseMs, keepMs }: KeyTimes): IdempotencyKeys => ({
  claim: async (asked) => {
    const id = randomUUID()
    const seed = randomBytes(32).toString('base64url')
    const values = [keepMs, ...nameOf(asked), asked.fingerprint, seed, id, leaseMs]
    const { rows } = await pool.query<{ seed: string; startedAt: Date }>(CLAIM, values)
    return rows[0] && { owner: asked.owner, key: asked.key, id, ...rows[0] }
  },
  find: async (asked) => (await pool.query<KnownKey>(FIND, nameOf(asked))).rows[0],
  renew: async (claim) => void (await pool.query(RENEW, [...nameOf(claim), claim.id, leaseMs])),
  settle: async (claim, answer) => (await pool.query(SETTLE, [...nameOf(claim), claim.id, answer])).rowCount === 1,
  release: async (claim) => void (await pool.query(RELEASE, [...nameOf(claim), claim.id])),
  forgetOld: async () => {
    for (let forgotten = 0; ; ) {
      const { rowCount } = await pool.query(FORGET_OLD, [keepMs])
      forgotten += rowCount!
      if (rowCount! < BATCH) return forgotten
    }
  },
  forgetWorkspace: async (workspaceId) => (await pool.query(FORGET_WORKSPACE, [workspaceId])).rowCount!,
})
