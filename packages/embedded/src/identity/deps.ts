import { randomUUID } from 'node:crypto'
import type { Provider } from 'oidc-provider'
import type pg from 'pg'
import { prepareDatabase } from './database.ts'
import { createAdapterFactory } from './oidc-adapter.ts'
import { hashPassword } from './passwords.ts'
import { createOidcProvider } from './provider.ts'
import type { Realm } from './realm-file.ts'
import { createSessionStore, type SessionStore } from './sessions.store.ts'
import { createSigner, type Signer } from './tokens.ts'
import { createUserStore, type UserStore } from './users.store.ts'

export type Deps = {
  realm: Realm
  baseUrl: string
  /** `iss` of the realm's tokens: fixed, whatever address a request came by. */
  issuer: string
  users: UserStore
  sessions: SessionStore
  provider: Provider
  signer: Signer
  hashCost: number
  /** Checked instead of a missing password, so that an unknown name takes as long as a wrong password. */
  nobodysHash: string
}

export async function connect(pool: pg.Pool, definition: unknown, baseUrl: string, hashCost: number): Promise<Deps> {
  const { realm, keys } = await prepareDatabase(pool, definition)
  const issuer = `${baseUrl}/realms/${realm.name}`
  return {
    realm,
    baseUrl,
    issuer,
    users: createUserStore(pool),
    sessions: createSessionStore(pool),
    provider: await createOidcProvider({ issuer, realm, keys, adapter: createAdapterFactory(pool) }),
    signer: await createSigner(keys),
    hashCost,
    nobodysHash: await hashPassword(randomUUID(), hashCost),
  }
}
