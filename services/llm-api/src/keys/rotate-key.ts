import { AppError } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { Lifetime } from './key.schema.ts'
import type { ApiKey } from './key.store.ts'
import { expiryOf } from './key-lifetime.ts'
import { ownerOf, requireKey } from './require-key.ts'

/**
 * Gives a key a new secret; the old one is refused from now on. The expiry stays unless another is asked for.
 * @throws AppError `not_found`; `conflict` for one that is revoked or has expired
 */
export async function rotateKey(
  deps: Pick<Deps, 'keys' | 'now' | 'keyChanged'>,
  who: Who,
  { id, ...lifetime }: Lifetime & { id: string },
): Promise<{ key: ApiKey; secret: string }> {
  const { settings, store, makeSecret } = deps.keys
  await requireKey(deps, who, id)
  const at = deps.now()
  const { key: secret, ...kept } = makeSecret(who.newId('secret', 48))
  const isAsked = lifetime.expires_in_days !== undefined || (lifetime.expires_in ?? 0) > 0
  const change = { ...kept, at, ...(isAsked ? { expiresAt: expiryOf(lifetime, at, settings) } : {}) }
  const rotated = await store.rotate(ownerOf(who.caller), id, change)
  if (!rotated) throw new AppError('conflict', 'This API key is revoked or has expired: create another')
  await deps.keyChanged(rotated.oldHash)
  who.log.info({ key_id: id, user_id: who.caller.subject }, 'API key rotated')
  return { key: rotated.key, secret }
}
