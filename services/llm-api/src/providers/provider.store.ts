import type { PrismaClient, Provider as Row } from '../generated/prisma/client.ts'
import { type ListedRow, modelWrites } from '../models/model.store.ts'
import type { OperatorProvider } from './operator-provider.ts'

export type ProviderRow = Omit<Row, 'metadata'> & { metadata: Record<string, string> }

export type NewProvider = Pick<ProviderRow, 'id' | 'name' | 'kind' | 'baseUrl' | 'active' | 'metadata'> &
  Pick<ProviderRow, 'secret' | 'keyHint'>
export type ProviderChanges = Partial<Omit<NewProvider, 'id' | 'kind'>>

/** Who serves models. Shared by everyone: no workspace owns them. */
export type ProviderStore = {
  /** Takes over what the configuration says. The models of one that moved are those of its old address: they are gone. */
  provide(operators: OperatorProvider[]): Promise<void>
  list(): Promise<ProviderRow[]>
  get(id: string): Promise<ProviderRow | undefined>
  /** With the models that it listed, or none when it was not asked. Undefined: there is one of this kind. */
  create(provider: NewProvider, listed: ListedRow[] | undefined): Promise<ProviderRow | undefined>
  /**
   * @param before the address that the change is about: undefined is returned when it has another by now
   * @param forgets its models, until it lists them again
   */
  update(
    before: Pick<ProviderRow, 'id' | 'baseUrl'>,
    changes: ProviderChanges,
    forgets: boolean,
  ): Promise<ProviderRow | undefined>
  delete(id: string): Promise<boolean>
  noteFailure(id: string, reason: string): Promise<void>
  /** How many models each offers, of how many. */
  counts(): Promise<Map<string, { models: number; active: number }>>
}

type StoreDeps = {
  prisma: Pick<PrismaClient, 'provider' | 'providerModel' | '$transaction' | '$executeRaw'>
  now: () => Date
}

export const createProviderStore = ({ prisma, now }: StoreDeps): ProviderStore => ({
  provide: async (operators) => {
    const at = now()
    const known = await prisma.provider.findMany({ where: { id: { in: operators.map(({ id }) => id) } } })
    for (const operator of operators) {
      const { id, source, name, kind, baseUrl, active, metadata } = operator
      const before = known.find((row) => row.id === id)
      const said = { source, name, kind, baseUrl, active, metadata }
      if (before && JSON.stringify(pick(before)) === JSON.stringify(pick(operator))) continue
      await prisma.$transaction([
        prisma.provider.createMany({ data: [{ id, ...said, createdAt: at, updatedAt: at }], skipDuplicates: true }),
        prisma.provider.update({ where: { id }, data: { ...said, updatedAt: at } }),
        ...(before && before.baseUrl !== baseUrl ? [forgetModels(prisma, id, at)] : []),
      ])
    }
  },
  list: async () => (await prisma.provider.findMany({ orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] })).map(rowOf),
  get: async (id) => {
    const row = await prisma.provider.findUnique({ where: { id } })
    return row ? rowOf(row) : undefined
  },
  create: async (provider, listed) => {
    const at = now()
    const before = await prisma.provider.findUnique({ where: { id: provider.id } })
    // Made by an earlier try of the same request.
    if (before) return rowOf(before)
    const row = { ...provider, source: 'api', createdAt: at, updatedAt: at, syncedAt: listed ? at : null }
    try {
      const [made] = await prisma.$transaction([
        prisma.provider.create({ data: row }),
        ...(listed ? modelWrites(prisma, provider.id, listed, { at, enablesNew: true }) : []),
      ])
      return rowOf(made as Row)
    } catch (error) {
      if ((error as { code?: string }).code === 'P2002') return undefined
      throw error
    }
  },
  update: async ({ id, baseUrl }, changes, forgets) => {
    const at = now()
    const [{ count }] = await prisma.$transaction([
      prisma.provider.updateMany({ where: { id, baseUrl }, data: { ...changes, updatedAt: at } }),
      ...(forgets ? [forgetModels(prisma, id, at)] : []),
    ])
    if (count === 0) return undefined
    return rowOf(await prisma.provider.findUniqueOrThrow({ where: { id } }))
  },
  delete: async (id) => (await prisma.provider.deleteMany({ where: { id } })).count > 0,
  noteFailure: async (id, reason) => {
    await prisma.provider.updateMany({ where: { id }, data: { failedAt: now(), lastError: reason } })
  },
  counts: async () => {
    const groups = await prisma.providerModel.groupBy({
      by: ['providerId', 'active'],
      where: { goneAt: null },
      _count: true,
    })
    const counts = new Map<string, { models: number; active: number }>()
    for (const { providerId, active, _count } of groups) {
      const sum = counts.get(providerId) ?? { models: 0, active: 0 }
      counts.set(providerId, { models: sum.models + _count, active: sum.active + (active ? _count : 0) })
    }
    return counts
  },
})

const forgetModels = (prisma: StoreDeps['prisma'], providerId: string, at: Date) =>
  prisma.providerModel.updateMany({ where: { providerId, goneAt: null }, data: { goneAt: at } })

const pick = ({ name, kind, baseUrl, active, metadata }: Row | OperatorProvider) => [
  name,
  kind,
  baseUrl,
  active,
  Object.entries(metadata as object).sort(),
]

const rowOf = (row: Row): ProviderRow => ({ ...row, metadata: row.metadata as Record<string, string> })
