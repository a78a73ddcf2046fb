import { AppError } from '@jan/service-kit/errors'
import type { z } from 'zod'
import type { Deps } from '../deps.ts'
import { keyOf } from './create-provider.ts'
import { secretContext } from './known-providers.ts'
import { hintOf } from './present-provider.ts'
import type { UpdateProvider } from './provider.schema.ts'
import type { ProviderChanges } from './provider.store.ts'
import { requireBaseUrl } from './require-base-url.ts'
import { requireOwnProvider } from './require-provider.ts'

type Needs = Pick<Deps, 'models' | 'modelStores' | 'cipher' | 'isAllowed'>

/**
 * Changes a provider of the API. At another origin its key is forgotten, unless a new one comes with the address: who
 * may name an address must not learn the key by it.
 * @returns the names of what was changed
 * @throws AppError `not_found`, `invalid_request`; `conflict` for one of the operator's
 */
export async function updateProvider(
  deps: Needs,
  id: string,
  input: z.output<typeof UpdateProvider>,
): Promise<string[]> {
  await requireOwnProvider(deps, id)
  // As it is stored: what is remembered here may be older than another replica's change.
  const before = await deps.modelStores.providers.get(id)
  if (!before) throw new AppError('not_found', `The provider '${id}' does not exist`)
  const changes: ProviderChanges = {
    ...(input.name === undefined ? {} : { name: input.name }),
    ...(input.metadata === undefined ? {} : { metadata: input.metadata }),
    ...(input.active === undefined ? {} : { active: input.active }),
  }
  let moves = false
  if (input.base_url !== undefined) {
    changes.baseUrl = requireBaseUrl(deps, input.base_url)
    moves = new URL(changes.baseUrl).origin !== new URL(before.baseUrl).origin
  }
  if (input.api_key !== undefined || moves) {
    const key = keyOf(input.api_key)
    changes.secret = key === undefined ? null : deps.cipher.encrypt(key, secretContext(id))
    changes.keyHint = hintOf(key)
  }
  if (!(await deps.modelStores.providers.update(before, changes, moves)))
    throw new AppError('conflict', 'The provider was changed by somebody else at the same time: look at it again')
  await deps.models.changed()
  // What it offers now is told by itself; that it cannot be asked is seen in its health.
  if (changes.baseUrl !== undefined || changes.secret !== undefined)
    await deps.models.sync(id).catch(() => deps.models.reload())
  return Object.keys(changes)
    .filter((name) => name !== 'secret' && name !== 'keyHint')
    .concat(changes.secret === undefined ? [] : [changes.secret === null ? 'key forgotten' : 'key'])
}
