import type { PrismaClient } from '../generated/prisma/client.ts'
import type { ListedModel } from '../providers/provider.client.ts'

export type KnownModel = { modelId: string; ownedBy: string; createdAt: Date }

/** What providers have offered. Shared by everyone: no workspace owns it. */
export type ModelStore = {
  /** The provider at this address, made at first sight. @returns its id */
  provide(baseUrl: string): Promise<string>
  /** What it offered when it was last asked. */
  list(providerId: string): Promise<KnownModel[]>
  /** Takes over a fresh list: new models are kept, those left out are marked as gone. */
  replace(providerId: string, listed: ListedModel[]): Promise<void>
}

type StoreDeps = {
  prisma: Pick<PrismaClient, 'provider' | 'providerModel' | '$transaction'>
  newId: (prefix: string) => string
  now: () => Date
}

export const createModelStore = ({ prisma, newId, now }: StoreDeps): ModelStore => ({
  provide: async (baseUrl) => {
    const known = await prisma.provider.findUnique({ where: { baseUrl } })
    if (known) return known.id
    // Several replicas may start at once: one of them wins.
    await prisma.provider.createMany({
      data: [{ id: newId('prov'), baseUrl, createdAt: now() }],
      skipDuplicates: true,
    })
    return (await prisma.provider.findUniqueOrThrow({ where: { baseUrl } })).id
  },

  list: (providerId) =>
    prisma.providerModel.findMany({
      where: { providerId, goneAt: null },
      orderBy: { modelId: 'asc' },
      select: { modelId: true, ownedBy: true, createdAt: true },
    }),

  replace: async (providerId, listed) => {
    const rows = await prisma.providerModel.findMany({ where: { providerId } })
    const before = new Map(rows.map((row) => [row.modelId, row]))
    const at = now()
    const isListed = new Set(listed.map((model) => model.id))
    const fresh = listed.filter((model) => !before.has(model.id))
    const changed = listed.filter((model) => {
      const row = before.get(model.id)
      return row && (row.goneAt !== null || row.ownedBy !== model.ownedBy)
    })
    const gone = rows.filter((row) => row.goneAt === null && !isListed.has(row.modelId))
    await prisma.$transaction([
      prisma.providerModel.createMany({
        data: fresh.map((model) => ({
          id: newId('pmdl'),
          providerId,
          modelId: model.id,
          ownedBy: model.ownedBy,
          createdAt: model.createdAt ?? at,
        })),
        skipDuplicates: true,
      }),
      ...changed.map((model) =>
        prisma.providerModel.update({
          where: { providerId_modelId: { providerId, modelId: model.id } },
          data: { ownedBy: model.ownedBy, goneAt: null },
        }),
      ),
      prisma.providerModel.updateMany({ where: { id: { in: gone.map((row) => row.id) } }, data: { goneAt: at } }),
      prisma.provider.update({ where: { id: providerId }, data: { syncedAt: at } }),
    ])
  },
})
