import { AppError } from '@jan/service-kit/errors'
import type { Deps } from '../deps.ts'
import type { KnownProvider } from './known-providers.ts'

const notThere = (id: string) => new AppError('not_found', `The provider '${id}' does not exist`)

/** Also one that another replica added a moment ago. @throws AppError `not_found` */
export async function requireProvider(deps: Pick<Deps, 'models'>, id: string): Promise<KnownProvider> {
  const find = () => deps.models.providers().find((each) => each.id === id)
  if (!find()) await deps.models.reload()
  const provider = find()
  if (!provider) throw notThere(id)
  return provider
}

/** @throws AppError `not_found`; `conflict` for one that the configuration names */
export async function requireOwnProvider(deps: Pick<Deps, 'models'>, id: string): Promise<KnownProvider> {
  const provider = await requireProvider(deps, id)
  const { operator } = provider
  if (!operator) return provider
  const place = operator.source === 'file' ? 'the file with providers (JAN_PROVIDER_CONFIGS_FILE)' : 'the environment'
  throw new AppError(
    'conflict',
    `This provider is the operator's, and is changed in ${place}. Its models can be changed here.`,
  )
}
