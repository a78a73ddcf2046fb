import type { Turns } from '@jan/service-kit/turns'
import type { Deps } from '../deps.ts'
import type { Access } from './connect-server.client.ts'
import { clientFor, forgetClient, isClientRefused, openTokens, saveTokens } from './log-in.ts'
import type { LoginRow } from './logins.store.ts'
import { NeedsLoginError, oauthCodeOf } from './server-errors.ts'
import { originOf } from './server-oauth.client.ts'
import type { ServerSpec } from './server-spec.ts'

type Needs = Pick<Deps, 'logins' | 'cipher' | 'now' | 'serverOauth' | 'publicUrl'> & { turns: Turns }

/** Renewed this long before it ends, so that no call meets the end. */
const EARLY_MS = 30_000

/** One person's access to one server, renewed when it must be: by one at a time, on whichever replica. */
export function createAccess(deps: Needs, spec: ServerSpec, workspaceId: string): Access {
  const whose = { serverId: spec.id, workspaceId }

  const current = async () => {
    const row = await deps.logins.get(spec.id, workspaceId)
    if (!row) throw new NeedsLoginError('Nobody has logged in')
    const origin = originOf(spec)
    const tokens = openTokens(deps, { ...whose, origin }, row.tokens)
    if (!tokens) throw new NeedsLoginError('The login was for another address')
    return { row, tokens, origin }
  }
  const isFresh = ({ expiresAt }: LoginRow) =>
    expiresAt === null || expiresAt.getTime() - deps.now().getTime() > EARLY_MS

  const renew: Access['renew'] = (refused) =>
    deps.turns.wait(`mcp login ${spec.id} ${workspaceId}`, async () => {
      const { row, tokens, origin } = await current()
      // Somebody else has done it while this one waited.
      if (tokens.access_token !== refused && isFresh(row)) return tokens.access_token
      if (!tokens.refresh_token) throw new NeedsLoginError('The access has ended')
      const authority = await deps.serverOauth.discover(spec)
      // The tokens of one place are not for another.
      if (authority.issuer !== row.issuer) throw new NeedsLoginError('The server names another place to log in')
      const client = await clientFor(deps, spec, authority)
      try {
        const fresh = await deps.serverOauth.refresh(spec, authority, { client, refreshToken: tokens.refresh_token })
        await saveTokens(deps, { ...whose, issuer: row.issuer, origin }, fresh)
        return fresh.access_token
      } catch (error) {
        const code = oauthCodeOf(error)
        if (code === 'invalid_grant') {
          await deps.logins.forget(spec.id, workspaceId)
          throw new NeedsLoginError('The access was withdrawn')
        }
        if (!isClientRefused(code) || spec.oauth) throw error
        await forgetClient(deps, spec, { issuer: row.issuer, clientId: client.client_id })
        throw new NeedsLoginError('The client is not known there any more')
      }
    })

  return {
    token: async () => {
      const { row, tokens } = await current()
      return isFresh(row) ? tokens.access_token : renew(tokens.access_token)
    },
    renew,
  }
}
