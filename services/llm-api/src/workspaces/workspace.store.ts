import type { PrismaClient } from '../generated/prisma/client.ts'

export type Workspace = { id: string; kind: 'guest' | 'user'; createdBy: string; createdAt: Date }

export type WorkspaceStore = {
  create(workspace: Workspace): Promise<void>
  setKind(id: string, kind: Workspace['kind']): Promise<void>
  find(id: string): Promise<Workspace | undefined>
  delete(id: string): Promise<void>
}

export const createWorkspaceStore = (prisma: Pick<PrismaClient, 'workspace'>): WorkspaceStore => ({
  create: async (workspace) => {
    await prisma.workspace.create({ data: workspace })
  },
  find: async (id) => ((await prisma.workspace.findUnique({ where: { id } })) as Workspace | null) ?? undefined,
  delete: async (id) => {
    await prisma.workspace.deleteMany({ where: { id } })
  },
  setKind: async (id, kind) => {
    await prisma.workspace.updateMany({ where: { id }, data: { kind } })
  },
})
