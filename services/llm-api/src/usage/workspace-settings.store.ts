import type { PrismaClient } from '../generated/prisma/client.ts'

/** What the owner of a workspace has chosen. */
export type WorkspaceSettings = { recordPayloads: boolean }

export type WorkspaceSettingsStore = {
  find(workspaceId: string): Promise<WorkspaceSettings | undefined>
  set(workspaceId: string, settings: WorkspaceSettings, at: Date): Promise<void>
  delete(workspaceId: string): Promise<void>
  /** Ids of workspaces whose payloads may be recorded. */
  recording(): Promise<string[]>
}

export const createWorkspaceSettingsStore = ({
  workspaceSettings: table,
}: Pick<PrismaClient, 'workspaceSettings'>): WorkspaceSettingsStore => ({
  find: async (workspaceId) => {
    const row = await table.findUnique({ where: { workspaceId } })
    return row ? { recordPayloads: row.recordPayloads } : undefined
  },
  set: async (workspaceId, settings, updatedAt) => {
    const data = { ...settings, updatedAt }
    await table.upsert({ where: { workspaceId }, create: { workspaceId, ...data }, update: data })
  },
  delete: async (workspaceId) => {
    await table.deleteMany({ where: { workspaceId } })
  },
  recording: async () => {
    const rows = await table.findMany({ where: { recordPayloads: true }, select: { workspaceId: true } })
    return rows.map(({ workspaceId }) => workspaceId)
  },
})
