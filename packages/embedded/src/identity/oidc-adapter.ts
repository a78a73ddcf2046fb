import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider'
import type pg from 'pg'

/** Storage of the library's models in PostgreSQL. Expired rows are still found: the library judges them itself. */
export function createAdapterFactory(pool: pg.Pool): AdapterFactory {
  return (model): Adapter => {
    const find = async (where: string, value: string): Promise<AdapterPayload | undefined> =>
      (await pool.query(`SELECT payload FROM identity_model WHERE model = $1 AND ${where} = $2`, [model, value]))
        .rows[0]?.payload
    const remove = async (where: string, value: string) => {
      await pool.query(`DELETE FROM identity_model WHERE model = $1 AND ${where} = $2`, [model, value])
    }
    return {
      async upsert(id, payload, expiresIn) {
        await pool.query(
          `INSERT INTO identity_model (model, id, payload, expires_at) VALUES ($1, $2, $3, now() + make_interval(secs => $4))
           ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at`,
          [model, id, payload, expiresIn ?? null],
        )
      },
      find: (id) => find('id', id),
      findByUid: (uid) => find(`payload->>'uid'`, uid),
      findByUserCode: (userCode) => find(`payload->>'userCode'`, userCode),
      async consume(id) {
        await pool.query(
          `UPDATE identity_model SET payload = payload || jsonb_build_object('consumed', floor(extract(epoch FROM now())))
           WHERE model = $1 AND id = $2`,
          [model, id],
        )
      },
      destroy: (id) => remove('id', id),
      revokeByGrantId: (grantId) => remove(`payload->>'grantId'`, grantId),
    }
  }
}
