import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { unavailable } from '@jan/service-kit/errors'
import type { OAuthTokens } from '@modelcontextprotocol/client'
import type { Deps } from '../deps.ts'
import type { Access } from './connect-server.client.ts'
import { clientFor, forgetClient, isClientRefused, openTokens, sealTokens } from './log-in.ts'
import type { LoginRow } from './logins.store.ts'
import { NeedsLoginError, oauthCodeOf } from './server-errors.ts'
import { LONGEST_MS, originOf } from './server-oauth.client.ts'
import type { ServerSpec } from './server-spec.ts'

type Needs = Pick<Deps, 'logins' | 'cipher' | 'now' | 'serverOauth' | 'publicUrl'>
type Login = { row: LoginRow; tokens: OAuthTokens; origin: string }

export type Renewals = {
  /** One person's access to one server. */
  accessFor(spec: ServerSpec, workspaceId: string): Access
  /** Settles when none is under way. */
  settled(): Promise<void>
}

/** Renewed this long before it ends, so that no call meets the end. */
const EARLY_MS = 30_000
/** Longer than a renewal takes that asks where to log in and for a client first. */
const LEASE_MS = 2 * LONGEST_MS + 10_000
/** So that somebody takes over in time from a replica that died. */
const WAIT_MS = LEASE_MS + 5_000
/** How long the database may be away when a renewed access is to be written. */
const WRITE_MS = 8_000

/**
 * Accesses are renewed when they must be: by one at a time, on whichever replica, under a lease in the row of the login.
 * Nothing of the database is held while an authorization server is waited for. What it answered is written only in place
 * of the tokens that were spent, so a login that was deleted or made anew meanwhile stays so. An answer that is lost on its
 * way here, or with a replica that dies before it is written, is lost: the same refresh token is tried again when the
 * lease has ended, and where such tokens are good once the person has to log in again.
 */
export function createRenewals(deps: Needs): Renewals {
  const flights = new Map<string, Promise<string>>()

  const renew = (spec: ServerSpec, workspaceId: string, refused: string): Promise<string> => {
    const key = JSON.stringify([spec.id, originOf(spec), workspaceId])
    const flight = flights.get(key)
    // Others may have been waiting with an older one.
    if (flight) return flight.then((token) => (token === refused ? renew(spec, workspaceId, refused) : token))
    const begun = renewOnce(deps, { spec, workspaceId, refused }).finally(() => flights.delete(key))
    flights.set(key, begun)
    return begun
  }

  return {
    accessFor: (spec, workspaceId) => ({
      token: async () => {
        const { row, tokens } = await currentLogin(deps, spec, workspaceId)
        return isFresh(deps, row) ? tokens.access_token : renew(spec, workspaceId, tokens.access_token)
      },
      renew: (refused) => renew(spec, workspaceId, refused),
    }),
    settled: async () => void (await Promise.allSettled(flights.values())),
  }
}

const isFresh = ({ now }: Needs, { expiresAt }: LoginRow) =>
  expiresAt === null || expiresAt.getTime() - now().getTime() > EARLY_MS

/** @throws NeedsLoginError */
async function currentLogin(deps: Needs, spec: ServerSpec, workspaceId: string): Promise<Login> {
  const row = await deps.logins.get(spec.id, workspaceId)
  if (!row) throw new NeedsLoginError('Nobody has logged in')
  const origin = originOf(spec)
  const tokens = openTokens(deps, { serverId: spec.id, workspaceId, origin }, row.tokens)
  if (!tokens) throw new NeedsLoginError('The login was for another address')
  return { row, tokens, origin }
}

type Wanted = { spec: ServerSpec; workspaceId: string; refused: string }

/** @throws NeedsLoginError, AppError `unavailable` when others are at it for long */
async function renewOnce(deps: Needs, { spec, workspaceId, refused }: Wanted): Promise<string> {
  const renewer = randomUUID()
  const until = performance.now() + WAIT_MS
  for (let pause = 25; performance.now() < until; pause = Math.min(2 * pause, 400)) {
    const login = await currentLogin(deps, spec, workspaceId)
    const { row, tokens } = login
    // Somebody else has done it meanwhile.
    if (tokens.access_token !== refused && isFresh(deps, row)) return tokens.access_token
    if (!tokens.refresh_token) throw new NeedsLoginError('The access has ended')
    if (await deps.logins.lease(row, renewer, LEASE_MS))
      try {
        const token = await spend(deps, login, { spec, refreshToken: tokens.refresh_token, renewer })
        if (token !== undefined) return token
      } finally {
        // What cannot be given back now ends by itself.
        await deps.logins.release(row, renewer).catch(() => undefined)
      }
    await sleep(pause)
  }
  throw unavailable('The login is being renewed already')
}

type Spending = { spec: ServerSpec; refreshToken: string; renewer: string }

/** @returns undefined when the login is another one by now. @throws NeedsLoginError */
async function spend(deps: Needs, { row, origin }: Login, { spec, refreshToken, renewer }: Spending) {
  const { logins, serverOauth } = deps
  const authority = await serverOauth.discover(spec)
  // The tokens of one place are not for another.
  if (authority.issuer !== row.issuer) throw new NeedsLoginError('The server names another place to log in')
  const client = await clientFor(deps, spec, authority)
  // Whoever was held up until the lease was over must not spend what another one may have spent.
  if (!(await logins.lease(row, renewer, LEASE_MS))) return undefined
  let tokens: OAuthTokens
  try {
    tokens = await serverOauth.refresh(spec, authority, { client, refreshToken })
  } catch (error) {
    const code = oauthCodeOf(error)
    if (code === 'invalid_grant') {
      await logins.forgetThese(row)
      throw new NeedsLoginError('The access was withdrawn')
    }
    if (!isClientRefused(code) || spec.oauth) throw error
    await forgetClient(deps, spec, { issuer: row.issuer, clientId: client.client_id })
    throw new NeedsLoginError('The client is not known there any more')
  }
  const { serverId, workspaceId } = row
  const sealed = sealTokens(deps, { serverId, workspaceId, origin }, tokens)
  return (await replace(logins, row, sealed)) ? tokens.access_token : undefined
}

/** The one before is spent: nobody else can get this again. @throws what the database says when it stays away */
async function replace(logins: Deps['logins'], row: LoginRow, by: Pick<LoginRow, 'tokens' | 'expiresAt'>) {
  const until = performance.now() + WRITE_MS
  for (;;)
    try {
      return await logins.replace(row, by)
    } catch (error) {
      if (performance.now() > until) throw error
      await sleep(250)
    }
}
