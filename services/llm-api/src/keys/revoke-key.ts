import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { noSuchKey, ownerOf, requireKey } from './require-key.ts'

/** Ends a key for good; doing it again changes nothing. @throws AppError `not_found` */
export async function revokeKey(deps: Pick<Deps, 'keys' | 'now' | 'keyChanged'>, who: Who, id: string): Promise<void> {
  await requireKey(deps, who, id)
  const revoked = await deps.keys.store.revoke(ownerOf(who.caller), id, deps.now())
  if (!revoked) throw noSuchKey(id)
  // Told again even if it was revoked before: the first message may have been lost.
  await deps.keyChanged(revoked.hash)
  who.log.info({ key_id: id, user_id: who.caller.subject }, 'API key revoked')
}
