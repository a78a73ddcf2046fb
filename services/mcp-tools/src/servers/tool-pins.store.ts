import type { Prisma, PrismaClient } from '../generated/prisma/client.ts'
import type { Definition } from './tool-definition.ts'

export type ToolPin = {
  tool: string
  hash: string
  definition: Definition
  pendingHash: string | undefined
  pending: Definition | undefined
  acceptedBy: string | undefined
}
export type Sighting = { definition: Definition; hash: string }

/** What tools said of themselves when they were first seen; of all replicas the first one's sight counts. */
export type ToolPinStore = {
  /** Pins what is new, as long as the server has fewer than `most`, notes what has changed. @returns all pins of the server by tool */
  see(serverId: string, seen: Sighting[], most: number): Promise<Map<string, ToolPin>>
  list(serverId: string): Promise<ToolPin[]>
  /** @returns false when this is not what the tool says by now */
  accept(pin: { serverId: string; tool: string; hash: string }, by: string): Promise<boolean>
  forget(serverId: string): Promise<void>
  /** The newest change of any pin. */
  latest(): Promise<Date | undefined>
}

type StoreDeps = { db: Pick<PrismaClient, 'mcpToolPin' | '$executeRaw'>; now: () => Date }
type Row = Prisma.McpToolPinGetPayload<object>

export const createToolPinStore = ({ db, now }: StoreDeps): ToolPinStore => {
  const list = async (serverId: string) =>
    (await db.mcpToolPin.findMany({ where: { serverId }, orderBy: { tool: 'asc' } })).map(pinOf)
  const all = async (serverId: string) => new Map((await list(serverId)).map((pin) => [pin.tool, pin]))
  return {
    list,
    see: async (serverId, seen, most) => {
      const at = now()
      const known = await all(serverId)
      const fresh = seen
        .filter(({ definition }) => !known.has(definition.name))
        .slice(0, Math.max(0, most - known.size))
      if (fresh.length > 0)
        await db.mcpToolPin.createMany({
          data: fresh.map(({ definition, hash }) => ({
            ...{ serverId, tool: definition.name, hash, pinnedAt: at, changedAt: at },
            definition: definition as unknown as Prisma.InputJsonValue,
          })),
          skipDuplicates: true,
        })
      const changed = seen.filter(({ definition, hash }) => {
        const pin = known.get(definition.name)
        return pin && pin.hash !== hash && pin.pendingHash !== hash
      })
      for (const { definition, hash } of changed)
        await db.mcpToolPin.update({
          where: { serverId_tool: { serverId, tool: definition.name } },
          data: { pendingHash: hash, pending: definition as unknown as Prisma.InputJsonValue },
        })
      return fresh.length > 0 || changed.length > 0 ? all(serverId) : known
    },
    accept: async ({ serverId, tool, hash }, by) =>
      (await db.$executeRaw`
        UPDATE mcp_tool_pin SET hash = pending_hash, definition = pending, pending_hash = NULL, pending = NULL,
          accepted_by = ${by}, changed_at = ${now()}
        WHERE server_id = ${serverId} AND tool = ${tool} AND pending_hash = ${hash}`) > 0,
    forget: async (serverId) => void (await db.mcpToolPin.deleteMany({ where: { serverId } })),
    latest: async () => (await db.mcpToolPin.aggregate({ _max: { changedAt: true } }))._max.changedAt ?? undefined,
  }
}

const pinOf = (row: Row): ToolPin => ({
  tool: row.tool,
  hash: row.hash,
  definition: row.definition as unknown as Definition,
  pendingHash: row.pendingHash ?? undefined,
  pending: (row.pending ?? undefined) as Definition | undefined,
  acceptedBy: row.acceptedBy ?? undefined,
})
