import type { McpLogin, PrismaClient } from '../generated/prisma/client.ts'

export type LoginRow = McpLogin

/** Who may use which server that wants a login, and as which client of its authorization server. Texts come sealed. */
export type LoginStore = {
  get(serverId: string, workspaceId: string): Promise<LoginRow | undefined>
  save(login: Omit<LoginRow, 'updatedAt'>): Promise<void>
  forget(serverId: string, workspaceId?: string): Promise<void>
  ofWorkspace(workspaceId: string): Promise<LoginRow[]>
  forgetWorkspace(workspaceId: string): Promise<void>
  client(serverId: string, issuer: string): Promise<string | undefined>
  /** @returns the one that is kept: of two that register at once the first */
  saveClient(serverId: string, issuer: string, client: string): Promise<string>
  /** All of a server's, or only this very one. */
  forgetClient(serverId: string, only?: { issuer: string; client: string }): Promise<void>
}

type StoreDeps = { db: Pick<PrismaClient, 'mcpLogin' | 'mcpOauthClient'>; now: () => Date }

export const createLoginStore = ({ db, now }: StoreDeps): LoginStore => {
  const client = async (serverId: string, issuer: string) =>
    (await db.mcpOauthClient.findUnique({ where: { serverId_issuer: { serverId, issuer } } }))?.client
  return {
    get: async (serverId, workspaceId) =>
      (await db.mcpLogin.findUnique({ where: { serverId_workspaceId: { serverId, workspaceId } } })) ?? undefined,
    save: async ({ serverId, workspaceId, ...said }) => {
      const data = { ...said, updatedAt: now() }
      await db.mcpLogin.upsert({
        where: { serverId_workspaceId: { serverId, workspaceId } },
        create: { serverId, workspaceId, ...data },
        update: data,
      })
    },
    forget: async (serverId, workspaceId) =>
      void (await db.mcpLogin.deleteMany({
        where: { serverId, ...(workspaceId === undefined ? {} : { workspaceId }) },
      })),
    ofWorkspace: (workspaceId) => db.mcpLogin.findMany({ where: { workspaceId }, orderBy: { serverId: 'asc' } }),
    forgetWorkspace: async (workspaceId) => void (await db.mcpLogin.deleteMany({ where: { workspaceId } })),
    client,
    saveClient: async (serverId, issuer, text) => {
      await db.mcpOauthClient.createMany({
        data: [{ serverId, issuer, client: text, createdAt: now() }],
        skipDuplicates: true,
      })
      return (await client(serverId, issuer)) ?? text
    },
    forgetClient: async (serverId, only) => void (await db.mcpOauthClient.deleteMany({ where: { serverId, ...only } })),
  }
}
