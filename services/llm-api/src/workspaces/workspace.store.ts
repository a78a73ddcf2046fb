import type { PrismaClient } from '../generated/prisma/client.ts'

export type Workspace = { id: string; kind: 'guest' | 'user'; createdBy: string; createdAt: Date }

export type WorkspaceStore = {
  create(workspace: Workspace): Promise<void>
  setKind(id: string, kind: Workspace['kind']): Promise<void>
}

export const createWorkspaceStore = (prisma: Pick<PrismaClient, 'workspace'>): WorkspaceStore => ({
  create: async (workspace) => {
    await prisma.workspace.create({ data: workspace })
  },
  setKind: async (id, kind) => {
    await prisma.workspace.updateMany({ where: { id }, data: { kind } })
  },
})
