import type { PrismaClient } from '../generated/prisma/client.ts'

export type Workspace = { id: string; kind: 'guest' | 'user'; createdBy: string; createdAt: Date }

export type WorkspaceStore = {
  create(workspace: Workspace): Promise<void>
}

export const createWorkspaceStore = (prisma: Pick<PrismaClient, 'workspace'>): WorkspaceStore => ({
  create: async (workspace) => {
    await prisma.workspace.create({ data: workspace })
  },
})
