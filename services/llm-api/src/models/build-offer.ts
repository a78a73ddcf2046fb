import type { KnownModel } from './model.store.ts'

export type OfferedModel = {
  /** The name that clients use. */
  id: string
  /** The provider's own name for it. */
  modelId: string
  ownedBy: string
  createdAt: Date
}

export type OfferSettings = {
  /** The operator's model: offered first, whether the provider lists it or not. */
  first: string | undefined
  /** Further names → names of models. */
  aliases: ReadonlyMap<string, string>
}

/** Who owns a model that the operator names and the provider does not list. */
const UNLISTED_OWNER = 'provider'

/** All names under which a model can be asked for, in the order of the list: the operator's model, the others, then aliases. */
export function buildOffer(
  known: KnownModel[],
  { first, aliases }: OfferSettings,
  startedAt: Date,
): ReadonlyMap<string, OfferedModel> {
  const offer = new Map<string, OfferedModel>()
  const named = known.find((model) => model.modelId === first)
  if (first !== undefined)
    offer.set(first, {
      id: first,
      modelId: first,
      ownedBy: named?.ownedBy ?? UNLISTED_OWNER,
      createdAt: named?.createdAt ?? startedAt,
    })
  for (const model of known) if (!offer.has(model.modelId)) offer.set(model.modelId, { ...model, id: model.modelId })
  for (const [alias, name] of aliases) {
    const target = offer.get(name)
    // A real model keeps its name, and an alias of nothing is not offered.
    if (target && !offer.has(alias)) offer.set(alias, { ...target, id: alias })
  }
  return offer
}
