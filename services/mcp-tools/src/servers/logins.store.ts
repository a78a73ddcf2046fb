import type { McpLogin, PrismaClient } from '../generated/prisma/client.ts'
import { fileServerId } from './server-spec.ts'

export type LoginRow = McpLogin

/** Who may use which server that wants a login, and as which client of its authorization server. Texts come sealed. */
export type LoginStore = {
  get(serverId: string, workspaceId: string): Promise<LoginRow | undefined>
  /** A new login, whatever was there. @returns false when its server is gone by now */
  save(login: Omit<LoginRow, 'updatedAt' | 'renewer' | 'renewingUntil'>): Promise<boolean>
  /** Lets `renewer` alone renew these very tokens, for `ms`, and again when it still may. @returns false when another one does, or they are others by now */
  lease(login: LoginRow, renewer: string, ms: number): Promise<boolean>
  release(login: LoginRow, renewer: string): Promise<void>
  /** Puts others in place of these very tokens. @returns false when they are others by now, or gone */
  replace(login: LoginRow, by: Pick<LoginRow, 'tokens' | 'expiresAt'>): Promise<boolean>
  /** Only these very tokens. */
  forgetThese(login: LoginRow): Promise<void>
  forget(serverId: string, workspaceId?: string): Promise<void>
  ofWorkspace(workspaceId: string): Promise<LoginRow[]>
  forgetWorkspace(workspaceId: string): Promise<void>
  client(serverId: string, issuer: string): Promise<string | undefined>
  /** @returns the one that is kept: of two that register at once the first */
  saveClient(serverId: string, issuer: string, client: string): Promise<string>
  /** All of a server's, or only this very one. */
  forgetClient(serverId: string, only?: { issuer: string; client: string }): Promise<void>
}

type StoreDeps = {
  db: Pick<PrismaClient, 'mcpLogin' | 'mcpOauthClient' | '$executeRaw' | '$transaction'>
  now: () => Date
}

const UNLEASED = { renewer: null, renewingUntil: null }

export const createLoginStore = ({ db, now }: StoreDeps): LoginStore => {
  const client = async (serverId: string, issuer: string) =>
    (await db.mcpOauthClient.findUnique({ where: { serverId_issuer: { serverId, issuer } } }))?.client
  /** What is kept of a server of the API goes with it: it is written before that is deleted, or not at all. */
  const whileThere = (
    serverId: string,
    write: (tx: Pick<StoreDeps['db'], 'mcpLogin' | 'mcpOauthClient'>) => Promise<unknown>,
  ) =>
    db.$transaction(async (tx) => {
      const isThere =
        serverId.startsWith(fileServerId('')) ||
        (await tx.$executeRaw`SELECT 1 FROM mcp_server WHERE id = ${serverId} FOR KEY SHARE`) > 0
      if (isThere) await write(tx)
      return isThere
    })
  return {
    get: async (serverId, workspaceId) =>
      (await db.mcpLogin.findUnique({ where: { serverId_workspaceId: { serverId, workspaceId } } })) ?? undefined,
    save: async ({ serverId, workspaceId, ...said }) => {
      const data = { ...said, updatedAt: now(), ...UNLEASED }
      return whileThere(serverId, (tx) =>
        tx.mcpLogin.upsert({
          where: { serverId_workspaceId: { serverId, workspaceId } },
          create: { serverId, workspaceId, ...data },
          update: data,
        }),
      )
    },
    lease: async ({ serverId, workspaceId, tokens }, renewer, ms) =>
      (await db.$executeRaw`
        UPDATE mcp_login SET renewer = ${renewer}, renewing_until = now() + ${ms}::int * interval '1 millisecond'
        WHERE server_id = ${serverId} AND workspace_id = ${workspaceId} AND tokens = ${tokens}
          AND (renewing_until IS NULL OR renewing_until < now() OR renewer = ${renewer})`) > 0,
    release: async ({ serverId, workspaceId }, renewer) =>
      void (await db.mcpLogin.updateMany({ where: { serverId, workspaceId, renewer }, data: UNLEASED })),
    replace: async ({ serverId, workspaceId, tokens }, by) => {
      const data = { ...by, ...UNLEASED }
      return (await db.mcpLogin.updateMany({ where: { serverId, workspaceId, tokens }, data })).count > 0
    },
    forgetThese: async ({ serverId, workspaceId, tokens }) =>
      void (await db.mcpLogin.deleteMany({ where: { serverId, workspaceId, tokens } })),
    forget: async (serverId, workspaceId) =>
      void (await db.mcpLogin.deleteMany({
        where: { serverId, ...(workspaceId === undefined ? {} : { workspaceId }) },
      })),
    ofWorkspace: (workspaceId) => db.mcpLogin.findMany({ where: { workspaceId }, orderBy: { serverId: 'asc' } }),
    forgetWorkspace: async (workspaceId) => void (await db.mcpLogin.deleteMany({ where: { workspaceId } })),
    client,
    saveClient: async (serverId, issuer, text) => {
      const row = { serverId, issuer, client: text, createdAt: now() }
      await whileThere(serverId, (tx) => tx.mcpOauthClient.createMany({ data: [row], skipDuplicates: true }))
      return (await client(serverId, issuer)) ?? text
    },
    forgetClient: async (serverId, only) => void (await db.mcpOauthClient.deleteMany({ where: { serverId, ...only } })),
  }
}
