import { pagesOf } from '@jan/service-kit/workspace-routes'
import type { PrismaClient } from '../generated/prisma/client.ts'

export type Workspace = { id: string; kind: 'guest' | 'user'; createdBy: string; createdAt: Date }

export type WorkspaceStore = {
  create(workspace: Workspace): Promise<void>
  setKind(id: string, kind: Workspace['kind']): Promise<void>
  find(id: string): Promise<Workspace | undefined>
  delete(id: string): Promise<void>
  /** Of guests, in the order of their ids. */
  guestsMadeBefore(at: Date): AsyncIterable<Workspace>
}

const PAGE = 500

export const createWorkspaceStore = (prisma: Pick<PrismaClient, 'workspace'>): WorkspaceStore => ({
  create: async (workspace) => {
    await prisma.workspace.create({ data: workspace })
  },
  find: async (id) => ((await prisma.workspace.findUnique({ where: { id } })) as Workspace | null) ?? undefined,
  delete: async (id) => {
    await prisma.workspace.deleteMany({ where: { id } })
  },
  guestsMadeBefore: (at) =>
    pagesOf<Workspace>(
      async (last) =>
        (await prisma.workspace.findMany({
          where: { kind: 'guest', createdAt: { lt: at }, ...(last ? { id: { gt: last.id } } : {}) },
          orderBy: { id: 'asc' },
          take: PAGE,
        })) as Workspace[],
    ),
  setKind: async (id, kind) => {
    await prisma.workspace.updateMany({ where: { id }, data: { kind } })
  },
})
