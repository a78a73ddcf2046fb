import { type ConfiguredModel, providerModelId } from '../providers/operator-provider.ts'
import type { ListedModel } from '../providers/provider.client.ts'
import { UNLISTED_OWNER } from './build-offer.ts'
import type { ListedRow } from './model.store.ts'
import { assignPublicIds } from './public-id.ts'
import { readListedModel } from './read-listed-model.ts'

export type Listing = {
  provider: { id: string; kind: string }
  listed: ListedModel[]
  /** Offered as well, listed or not. */
  configured: ConfiguredModel[]
  /** The provider's own name → ours, of what it ever listed. */
  known: ReadonlyMap<string, string>
}

const LONGEST_ID = 512
const CONTROL = /\p{Cc}|\p{Cs}/u

/** What a provider listed, as it is kept. Names that no client could send are left out. */
export function prepareListing({ provider, listed, configured, known }: Listing): ListedRow[] {
  const usable = listed.filter(({ id }) => id.length <= LONGEST_ID && !CONTROL.test(id))
  const isListed = new Set(usable.map(({ id }) => id))
  const unlisted = configured
    .filter(({ modelId }) => !isListed.has(modelId))
    .map(({ modelId }) => ({ id: modelId, ownedBy: UNLISTED_OWNER, createdAt: undefined, entry: {} }))
  const all = [...usable, ...unlisted]
  const named = new Map([
    ...known,
    ...configured.flatMap((each) => (each.publicId ? [[each.modelId, each.publicId] as const] : [])),
  ])
  const publicIds = assignPublicIds(
    provider.kind,
    all.map(({ id }) => id),
    named,
  )
  return all.map(({ id, ownedBy, createdAt, entry }) => {
    const { model, catalog, isDescribed } = readListedModel({ id, entry })
    return {
      id: providerModelId(provider.id, id),
      modelId: id,
      publicId: publicIds.get(id)!,
      ownedBy,
      createdAt,
      listed: model,
      catalog,
      isDescribed,
    }
  })
}
