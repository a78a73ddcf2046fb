import type { CatalogRow } from '../catalogs/catalog.store.ts'
import { type Capabilities, capabilitiesOf } from '../providers/capabilities.ts'
import type { KnownProvider } from '../providers/known-providers.ts'
import type { OperatorProvider } from '../providers/operator-provider.ts'
import { providerModelId } from '../providers/operator-provider.ts'
import type { ModelRow } from './model.store.ts'
import type { CatalogFacts, ModelFacts } from './model-facts.ts'
import type { Deployment, OfferedModel } from './offered-model.ts'
import { WEIGHT } from './present-model.ts'
import { pricesOf } from './prices.ts'
import { publicIdOf } from './public-id.ts'

export type OfferSettings = {
  /** The operator's model: listed first. */
  first: string | undefined
  /** Further names → names of models. */
  aliases: ReadonlyMap<string, string>
}

export type Snapshot = {
  providers: KnownProvider[]
  models: ModelRow[]
  /** Those that are off, or that an admin changed. */
  catalogs: Pick<CatalogRow, 'id' | 'active' | 'edits'>[]
}

/** A deployment with what decides its place in lists. */
type Placed = { deployment: Deployment; publicId: string; row: Named; facts: ModelFacts; catalog: CatalogFacts }
type Named = Pick<ModelRow, 'id' | 'modelId' | 'publicId' | 'ownedBy' | 'createdAt'> & {
  listed: ModelFacts
  edits: ModelFacts
}

/** Who owns a model that the operator names and the provider does not list. */
export const UNLISTED_OWNER = 'provider'

export type Offer = {
  /** In the order of the list; aliases last, each under its own name. */
  list: OfferedModel[]
  /** By any of its names, whatever the case; by an alias the model itself. */
  find(name: string): OfferedModel | undefined
}

/** What is offered of all that is known. */
export function buildOffer(snapshot: Snapshot, settings: OfferSettings, startedAt: Date): Offer {
  const catalogs = new Map(snapshot.catalogs.map((row) => [row.id, row]))
  const rows = Map.groupBy(snapshot.models, ({ providerId }) => providerId)
  const placed = snapshot.providers
    .filter(({ active }) => active)
    .flatMap((provider) => modelsOf(provider, rows.get(provider.id) ?? [], startedAt))
    .filter(({ publicId }) => catalogs.get(publicId)?.active !== false)
  const groups = [...Map.groupBy(placed, ({ publicId }) => publicId)]
    .map(([id, group]) => groupOf(group.sort(byPrice), catalogs.get(id)?.edits))
    .map((group) => ({ ...group, place: placeOf(group, settings.first) }))
    .sort(byPlace)
  return named(
    groups.map((group) => ({ model: offered(group), ...group })),
    settings.aliases,
  )
}

type Group = { deployments: Placed[]; first: Placed; catalog: CatalogFacts }

/** What any of the providers' entries in the file says of the model counts, and before it what an admin said. */
const groupOf = (deployments: Placed[], edits: CatalogFacts | undefined): Group => ({
  deployments,
  first: deployments[0]!,
  catalog: Object.assign({}, ...deployments.map(({ catalog }) => catalog).reverse(), edits),
})

const placeOf = ({ first: { publicId, deployment }, catalog }: Group, first: string | undefined): number[] => [
  publicId === first ? 0 : 1,
  catalog.displayOrder ?? Number.MAX_SAFE_INTEGER,
  rank(deployment.kind),
]

type WithPlace = { place: number[]; first: Placed }
const byPlace = ({ place: a, first: one }: WithPlace, { place: b, first: other }: WithPlace): number =>
  a[0]! - b[0]! || a[1]! - b[1]! || a[2]! - b[2]! || (one.publicId < other.publicId ? -1 : 1)

function modelsOf(provider: KnownProvider, models: ModelRow[], startedAt: Date): Placed[] {
  const rows: Named[] = models.filter(({ active }) => active)
  const known = new Set(models.map(({ modelId }) => modelId))
  const capabilities = capabilitiesOf(provider.kind, provider.metadata)
  const configured = new Map((provider.operator?.models ?? []).map((model) => [model.modelId, model]))
  const unlisted = [...configured.keys()].filter((modelId) => !known.has(modelId))
  for (const modelId of unlisted) rows.push(unlistedRow(provider.operator!, modelId, startedAt))
  return rows.map((row) => {
    const { publicId, model, catalog } = configured.get(row.modelId) ?? {}
    const facts = { ...row.listed, ...model, ...row.edits }
    return {
      deployment: deploymentOf(provider, capabilities, { row, facts }),
      publicId: publicId ?? row.publicId,
      row,
      facts,
      catalog: catalog ?? {},
    }
  })
}

const unlistedRow = (operator: OperatorProvider, modelId: string, startedAt: Date): Named => ({
  id: providerModelId(operator.id, modelId),
  modelId,
  publicId: publicIdOf(operator.kind, modelId),
  ownedBy: UNLISTED_OWNER,
  createdAt: startedAt,
  listed: {},
  edits: {},
})

function deploymentOf(
  provider: KnownProvider,
  { takesImages, takesFiles, reachesUs }: Capabilities,
  { row, facts }: Pick<Placed, 'row' | 'facts'>,
): Deployment {
  return {
    id: row.id,
    providerId: provider.id,
    providerName: provider.name,
    kind: provider.kind,
    modelId: row.modelId,
    weight: facts.weight ?? provider.operator?.weight ?? WEIGHT,
    contextLength: facts.contextLength ?? undefined,
    maxCompletionTokens: facts.maxCompletionTokens ?? undefined,
    prices: pricesOf(facts.prices ?? []),
    takesImages: facts.supportsImages ?? takesImages,
    takesFiles: facts.supportsFiles ?? takesFiles,
    reachesUs,
  }
}

/** The cheapest first, those without a price last, and ours before others at the same price. */
function byPrice({ deployment: one }: Placed, { deployment: other }: Placed): number {
  const price = ({ prices }: Deployment) =>
    prices.prompt === undefined && prices.completion === undefined
      ? Number.MAX_VALUE
      : (prices.prompt ?? 0) + (prices.completion ?? 0)
  return price(one) - price(other) || rank(one.kind) - rank(other.kind) || (one.id < other.id ? -1 : 1)
}

const rank = (kind: string) => (kind === 'jan' ? 0 : 1)

function offered({ first, deployments, catalog }: Group): OfferedModel {
  const lengths = deployments.flatMap(({ deployment }) => deployment.contextLength ?? [])
  return {
    id: first.publicId,
    displayName: first.facts.displayName ?? first.row.modelId,
    ownedBy: first.row.ownedBy,
    createdAt: first.row.createdAt,
    // What fits wherever it is sent.
    contextLength: lengths.length > 0 ? Math.min(...lengths) : undefined,
    longer: catalog.longer ?? undefined,
    deployments: deployments.map(({ deployment }) => deployment),
  }
}

function named(models: (Group & { model: OfferedModel })[], aliases: ReadonlyMap<string, string>): Offer {
  const exact = new Map(models.map(({ model }) => [model.id, model]))
  const others = new Map<string, OfferedModel | null>()
  /** A name that two models would answer to is nobody's. */
  const suggest = (name: string, model: OfferedModel) => {
    const before = others.get(name)
    others.set(name, before === undefined || before === model ? model : null)
  }
  for (const { model, deployments } of models) {
    for (const { row, facts } of deployments)
      for (const name of [row.modelId, row.publicId, facts.slug]) if (name) suggest(name, model)
    const bare = model.id.slice(model.id.indexOf('/') + 1)
    if (bare !== model.id) suggest(bare, model)
  }
  const byAlias = new Map<string, OfferedModel>()
  const resolve = (name: string) => exact.get(name) ?? others.get(name) ?? undefined
  const wanted = [
    ...models.flatMap(({ model, catalog }) => (catalog.aliases ?? []).map((alias) => [alias, model.id] as const)),
    ...aliases,
  ]
  for (const [alias, name] of wanted) {
    const target = resolve(name)
    // A real model keeps its name, and an alias of nothing is not offered.
    if (target && !exact.has(alias) && !byAlias.has(alias)) byAlias.set(alias, target)
  }
  const folded = fold([exact, byAlias, others])
  return {
    list: [...exact.values(), ...[...byAlias].map(([id, model]) => ({ ...model, id }))],
    find: (name) => exact.get(name) ?? byAlias.get(name) ?? others.get(name) ?? folded.get(name.toLowerCase()),
  }
}

/** The same names in lower case, the first of each. */
function fold(maps: ReadonlyMap<string, OfferedModel | null>[]): Map<string, OfferedModel> {
  const folded = new Map<string, OfferedModel>()
  for (const map of maps)
    for (const [name, model] of map) {
      const lower = name.toLowerCase()
      if (model && !folded.has(lower)) folded.set(lower, model)
    }
  return folded
}
