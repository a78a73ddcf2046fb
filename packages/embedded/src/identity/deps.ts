import { createHash, randomUUID } from 'node:crypto'
import type { Provider } from 'oidc-provider'
import type pg from 'pg'
import { hashPassword } from './passwords.ts'
import { prepareDatabase } from './prepare-database.ts'
import type { RealmFile } from './realm-file.ts'
import { createAdapter, createSessions } from './records.store.ts'
import { createSigner } from './tokens.ts'
import { createUserStore } from './users.store.ts'

/** All but the library, which is set up with it. */
export type BaseDeps = Awaited<ReturnType<typeof connect>>
export type Deps = BaseDeps & { provider: Provider }

export async function connect(pool: pg.Pool, definition: RealmFile, baseUrl: string, hashCost: number) {
  const { realm, keys } = await prepareDatabase(pool, definition)
  const sessions = createSessions(pool)
  return {
    realm,
    baseUrl,
    /** `iss` of the realm's tokens: fixed, whatever address a request came by. */
    issuer: `${baseUrl}/realms/${realm.realm}`,
    users: createUserStore(pool),
    sessions,
    adapter: (model: string) => createAdapter(pool, sessions, realm.refreshTokenMaxReuse, model),
    /** Private, newest first. */
    keys,
    signer: await createSigner(keys),
    hashCost,
    /** Checked instead of a missing password. */
    nobodysHash: await hashPassword(randomUUID(), hashCost),
    /** Signs cookies and forms; follows from the keys, so that it outlives a restart. */
    formSecret: createHash('sha256')
      .update(`forms:${keys.at(-1)?.d}`)
      .digest('base64url'),
  }
}
