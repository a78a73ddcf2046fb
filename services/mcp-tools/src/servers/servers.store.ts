import type { McpServer, PrismaClient } from '../generated/prisma/client.ts'

export type ServerRow = Omit<McpServer, 'type' | 'auth'> & { type: 'http' | 'sse'; auth: 'none' | 'oauth' }
export type NewServer = Omit<ServerRow, 'createdAt' | 'updatedAt'>
export type ServerChanges = Partial<
  Pick<
    ServerRow,
    'name' | 'description' | 'type' | 'url' | 'auth' | 'secrets' | 'headerNames' | 'enabled' | 'timeoutMs'
  >
>

/** Servers that were added over the API: those without a workspace are everyone's. */
export type ServerStore = {
  /** Everyone's and the workspace's own, the oldest first. */
  visible(workspaceId: string | undefined): Promise<ServerRow[]>
  /** @returns undefined when it is not theirs to see */
  get(workspaceId: string | undefined, id: string): Promise<ServerRow | undefined>
  owned(workspaceId: string | null): Promise<ServerRow[]>
  /** `judge` throws when it may not be there beside those that its workspace sees: asked one after the other. @returns undefined when the workspace has one of this name */
  create(server: NewServer, judge?: (others: ServerRow[]) => void): Promise<ServerRow | undefined>
  /** @returns undefined when it is gone by now, `taken` when there is another of this name */
  update(id: string, changes: ServerChanges): Promise<ServerRow | 'taken' | undefined>
  /** With all that is known of it: pins, clients, logins. */
  delete(id: string): Promise<boolean>
  /** Those of these that are still there and switched on. */
  alive(ids: string[]): Promise<Set<string>>
  /** Another text whenever anything has changed, on whichever replica. */
  news(): Promise<string>
}

type StoreDeps = {
  db: Pick<PrismaClient, 'mcpServer' | 'mcpToolPin' | 'mcpOauthClient' | 'mcpLogin' | '$transaction' | '$queryRaw'>
  now: () => Date
}

const isTaken = (error: unknown) => (error as { code?: string }).code === 'P2002'
const BY_AGE = [{ createdAt: 'asc' as const }, { id: 'asc' as const }]
/** To see: everyone's and one's own. */
const seenBy = (workspaceId: string | undefined) => ({
  OR: [{ workspaceId: null }, ...(workspaceId === undefined ? [] : [{ workspaceId }])],
})

export const createServerStore = ({ db, now }: StoreDeps): ServerStore => ({
  visible: async (workspaceId) =>
    (await db.mcpServer.findMany({ where: seenBy(workspaceId), orderBy: BY_AGE })).map(rowOf),
  get: async (workspaceId, id) => {
    const row = await db.mcpServer.findFirst({ where: { id, ...seenBy(workspaceId) } })
    return row ? rowOf(row) : undefined
  },
  owned: async (workspaceId) => (await db.mcpServer.findMany({ where: { workspaceId }, orderBy: BY_AGE })).map(rowOf),
  create: async (server, judge) => {
    const at = now()
    const { workspaceId } = server
    try {
      return await db.$transaction(async (tx) => {
        // One after the other, so that a rush is counted.
        await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`mcp servers ${workspaceId ?? ''}`}, 0))`
        judge?.((await tx.mcpServer.findMany({ where: seenBy(workspaceId ?? undefined) })).map(rowOf))
        return rowOf(await tx.mcpServer.create({ data: { ...server, createdAt: at, updatedAt: at } }))
      })
    } catch (error) {
      if (isTaken(error)) return undefined
      throw error
    }
  },
  update: async (id, changes) => {
    try {
      const { count } = await db.mcpServer.updateMany({ where: { id }, data: { ...changes, updatedAt: now() } })
      return count === 0 ? undefined : rowOf(await db.mcpServer.findUniqueOrThrow({ where: { id } }))
    } catch (error) {
      if (isTaken(error)) return 'taken'
      throw error
    }
  },
  delete: async (id) => {
    const [{ count }] = await db.$transaction([
      db.mcpServer.deleteMany({ where: { id } }),
      db.mcpToolPin.deleteMany({ where: { serverId: id } }),
      db.mcpOauthClient.deleteMany({ where: { serverId: id } }),
      db.mcpLogin.deleteMany({ where: { serverId: id } }),
    ])
    return count > 0
  },
  alive: async (ids) => {
    const rows = await db.mcpServer.findMany({ where: { id: { in: ids }, enabled: true }, select: { id: true } })
    return new Set(rows.map(({ id }) => id))
  },
  news: async () => {
    // A replica's clock may be behind: each row counts by what it is (a pin), by the transaction that wrote it, or by when
    // somebody logged in: that an access is renewed is no news.
    const [row] = await db.$queryRaw<{ news: string }[]>`
      SELECT concat_ws(' ',
        (SELECT concat_ws(',', count(*), sum(hashtextextended(concat_ws(' ', id, xmin), 0))) FROM mcp_server),
        (SELECT concat_ws(',', count(*), sum(hashtextextended(concat_ws(' ', server_id, tool, hash), 0)))
          FROM mcp_tool_pin),
        (SELECT concat_ws(',', count(*), sum(hashtextextended(concat_ws(' ', server_id, workspace_id, extract(epoch FROM updated_at)), 0)))
          FROM mcp_login)) AS news`
    return row!.news
  },
})

const rowOf = (row: McpServer) => row as ServerRow
