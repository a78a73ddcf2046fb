import { randomBytes } from 'node:crypto'
import type pg from 'pg'

/** Times are epoch seconds. */
export type Session = { sid: string; userId: string; startedAt: number; expiresAt: number; detached: boolean }

export type RefreshUse = {
  sid: string
  token: string
  issuedAt: number
  now: number
  maxReuse: number
  expiresAt: number
}
export type RefreshVerdict = 'accepted' | 'reused' | 'stale' | 'detached' | 'ended'

export type SessionStore = ReturnType<typeof createSessionStore>

/** Login sessions, and which access tokens were revoked alone. A session ends for good; tokens that name it are void then. */
export function createSessionStore(pool: pg.Pool) {
  const find = async (sid: string): Promise<Session | undefined> =>
    (
      await pool.query<Session>(
        `SELECT sid, user_id AS "userId", started_at::float8 AS "startedAt", expires_at::float8 AS "expiresAt", detached
         FROM identity_session WHERE sid = $1`,
        [sid],
      )
    ).rows[0]

  return {
    find,

    async start(userId: string, now: number, expiresAt: number): Promise<Session> {
      const sid = randomBytes(18).toString('base64url')
      await pool.query(
        'INSERT INTO identity_session (sid, user_id, started_at, refreshed_at, expires_at) VALUES ($1, $2, $3, $3, $4)',
        [sid, userId, now, expiresAt],
      )
      return { sid, userId, startedAt: now, expiresAt, detached: false }
    },

    /**
     * Spends a refresh token once, in one statement, so that parallel requests are counted right. A token may be
     * used `maxReuse` times more; one that is older than the session's last refresh, or used up, has leaked or
     * was retried blindly: the session is detached from its client, which ends it for every token.
     */
    async useRefreshToken(use: RefreshUse): Promise<RefreshVerdict> {
      const accepted = await pool.query(
        `UPDATE identity_session SET refresh_token = $2, refreshed_at = $4, expires_at = $6,
           refresh_uses = CASE WHEN refresh_token = $2 THEN refresh_uses + 1 ELSE 1 END
         WHERE sid = $1 AND NOT detached AND expires_at > $4 AND (
           refresh_token IS NULL
           OR (refresh_token = $2 AND refresh_uses <= $5)
           OR (refresh_token <> $2 AND refreshed_at <= $3))`,
        [use.sid, use.token, use.issuedAt, use.now, use.maxReuse, use.expiresAt],
      )
      if (accepted.rowCount === 1) return 'accepted'
      const refused = await pool.query<{ detachedBefore: boolean; current: boolean }>(
        `UPDATE identity_session AS now SET detached = true FROM identity_session AS before
         WHERE now.sid = $1 AND before.sid = now.sid AND now.expires_at > $3
         RETURNING before.detached AS "detachedBefore", now.refresh_token = $2 AS current`,
        [use.sid, use.token, use.now],
      )
      const session = refused.rows[0]
      if (!session) return 'ended'
      if (session.detachedBefore) return 'detached'
      return session.current ? 'reused' : 'stale'
    },

    end: (sid: string) => pool.query('DELETE FROM identity_session WHERE sid = $1', [sid]),
    endAllOf: (userId: string) => pool.query('DELETE FROM identity_session WHERE user_id = $1', [userId]),

    revokeAccessToken: (jti: string, expiresAt: number) =>
      pool.query('INSERT INTO identity_revoked_token (jti, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
        jti,
        expiresAt,
      ]),
    isRevoked: async (jti: string) =>
      (await pool.query('SELECT 1 FROM identity_revoked_token WHERE jti = $1', [jti])).rowCount === 1,

    /** Removes what can no longer be asked for. Sessions go a day late, so that a late refresh still hears why. */
    async sweep(now: number): Promise<void> {
      await pool.query('DELETE FROM identity_session WHERE expires_at < $1 - 86400', [now])
      await pool.query('DELETE FROM identity_revoked_token WHERE expires_at < $1', [now])
      await pool.query('DELETE FROM identity_model WHERE expires_at < to_timestamp($1 - 86400)', [now])
    },
  }
}
