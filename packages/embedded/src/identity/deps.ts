import { createHash, randomUUID } from 'node:crypto'
import type { Provider } from 'oidc-provider'
import type pg from 'pg'
import { hashPassword } from './passwords.ts'
import { createOidcProvider } from './provider.ts'
import type { Realm } from './realm-file.ts'
import { createAdapter, createSessions, prepareDatabase, type Sessions } from './records.store.ts'
import { createSigner, type Signer } from './tokens.ts'
import { createUserStore, type UserStore } from './users.store.ts'

export type Deps = {
  realm: Realm
  baseUrl: string
  /** `iss` of the realm's tokens: fixed, whatever address a request came by. */
  issuer: string
  users: UserStore
  sessions: Sessions
  provider: Provider
  signer: Signer
  hashCost: number
  nobodysHash: string
  /** Signs cookies and forms; follows from the keys, so that it outlives a restart. */
  formSecret: string
}

export async function connect(pool: pg.Pool, definition: unknown, baseUrl: string, hashCost: number): Promise<Deps> {
  const { realm, keys } = await prepareDatabase(pool, definition)
  const sessions = createSessions(pool)
  const deps = {
    ...{ realm, baseUrl, issuer: `${baseUrl}/realms/${realm.name}`, sessions, users: createUserStore(pool), hashCost },
    signer: await createSigner(keys),
    nobodysHash: await hashPassword(randomUUID(), hashCost),
    formSecret: createHash('sha256')
      .update(`forms:${keys.at(-1)?.d}`)
      .digest('base64url'),
  }
  const adapter = (model: string) => createAdapter(pool, sessions, realm.refreshTokenMaxReuse, model)
  return { ...deps, provider: await createOidcProvider(deps, keys, adapter) }
}
