import { createRecentlyUsed } from '@jan/service-kit/recently-used'
import type { OfferedTool, ToolSource } from '../tools/offered-tool.ts'
import { type BridgedServer, type BridgedServerDeps, createBridgedServer } from './bridged-server.ts'
import type { Access } from './connect-server.client.ts'
import type { KnownServers } from './known-servers.ts'
import { keepUnlike } from './server-names.ts'
import { openRecord, type ServerSpec } from './server-spec.ts'

/** All bridged servers of this process. */
export type Bridge = ToolSource & {
  /** The server as it is for a person; undefined when nobody has asked for it yet. */
  peek(spec: ServerSpec, workspaceId: string | undefined): BridgedServer | undefined
  /** It is greeted, if it was not. Waits no longer than `greetMs`. */
  ask(spec: ServerSpec, workspaceId: string | undefined): Promise<BridgedServer>
  /** Something has changed: which are gone, what was accepted, who has logged in. */
  refresh(): Promise<void>
  /** How many servers are in each state. */
  counts(): { ready: number; down: number; tools: number }
  close(): Promise<void>
}

type BridgeDeps = BridgedServerDeps & {
  known: KnownServers
  /** Of these ids of the API, those that are still there. */
  alive(ids: string[]): Promise<Set<string>>
  accessFor(spec: ServerSpec, workspaceId: string): Access
  /** How long after a server was first wanted lists of tools wait for it. */
  firstWaitMs: number
}

type Entry = { spec: ServerSpec; print: string; serial: number; server: BridgedServer; madeAt: number; usedAt: number }

/** After this time unused, what is one person's is let go. */
const IDLE_MS = 900_000

export function createBridge(deps: BridgeDeps): Bridge {
  const entries = new Map<string, Entry>()
  let serial = 0
  let sweptAt = deps.now().getTime()
  const merged = createRecentlyUsed<readonly OfferedTool[]>({ most: 1_000, idleMs: IDLE_MS }, () => undefined)

  const entryOf = (spec: ServerSpec, workspaceId: string | undefined): Entry => {
    const key = keyOf(spec, workspaceId)
    const entry = entries.get(key)
    const usedAt = deps.now().getTime()
    if (entry?.spec === spec) return Object.assign(entry, { usedAt })
    const print = printOf(spec)
    if (entry?.print === print) return Object.assign(entry, { spec, usedAt })
    void entry?.server.close()
    const access = spec.auth === 'oauth' ? deps.accessFor(spec, workspaceId!) : undefined
    serial += 1
    const made = { spec, print, serial, usedAt, madeAt: usedAt, server: createBridgedServer(deps, spec, access) }
    entries.set(key, made)
    return made
  }

  const drop = (key: string, { server }: Entry) => {
    entries.delete(key)
    void server.close()
  }

  const sweep = (at: number) => {
    if (at - sweptAt < IDLE_MS / 10) return
    sweptAt = at
    for (const [key, entry] of entries) {
      const isOnes = entry.spec.workspaceId !== undefined || entry.spec.auth === 'oauth'
      if (isOnes && at - entry.usedAt > IDLE_MS) drop(key, entry)
    }
  }

  const usable = (spec: ServerSpec, workspaceId: string | undefined) =>
    spec.auth === 'none' || workspaceId !== undefined

  const tools: Bridge['tools'] = async (caller, excludes = () => false) => {
    const workspaceId = caller.kind === 'service' ? undefined : caller.workspaceId
    const specs = (await deps.known.of(workspaceId)).filter((spec) => usable(spec, workspaceId) && !excludes(spec.name))
    if (specs.length === 0) return NOTHING
    const wanted = specs.map((spec) => entryOf(spec, workspaceId))
    const asked = deps.now().getTime()
    const first = wanted.flatMap(({ server, madeAt }) => {
      const greeted = server.wake()
      const patience = madeAt + deps.firstWaitMs - asked
      return greeted && patience > 0 ? [within(patience, greeted)] : []
    })
    await Promise.all(first)
    const state = wanted.map((entry) => `${entry.serial}@${entry.server.version()}`).join(' ')
    const at = deps.now().getTime()
    sweep(at)
    const before = merged.get(state, at)
    if (before) return before
    const { kept, dropped } = keepUnlike(wanted.flatMap(({ server }) => server.tools()))
    for (const { name } of dropped) deps.log.warn({ tool: name }, 'a tool looks like another one and is not offered')
    merged.set(state, kept, at)
    return kept
  }

  return {
    tools,
    peek: (spec, workspaceId) => entries.get(keyOf(spec, workspaceId))?.server,
    ask: async (spec, workspaceId) => {
      const { server } = entryOf(spec, workspaceId)
      const first = server.wake()
      if (first) await within(deps.limits.greetMs, first)
      return server
    },
    refresh: async () => {
      // Those of now: what comes while the database answers is not judged by what it said before.
      const all = [...entries]
      const added = all.filter(([, { spec }]) => spec.source === 'api').map(([, { spec }]) => spec.id)
      const alive = added.length > 0 ? await deps.alive([...new Set(added)]) : new Set()
      const named = new Set((await deps.known.of(undefined)).map(({ id }) => id))
      for (const [key, entry] of all) {
        if (entries.get(key) !== entry) continue
        const isGone = entry.spec.source === 'file' ? !named.has(entry.spec.id) : !alive.has(entry.spec.id)
        if (isGone) drop(key, entry)
        else entry.server.retry()
      }
      await Promise.all([...entries.values()].map(({ server }) => server.lookAtPins()))
    },
    counts: () => {
      const all = [...entries.values()].map(({ server }) => server)
      const inState = (state: string) => all.filter((server) => server.health().state === state).length
      const tools = all.reduce((sum, server) => sum + server.tools().length, 0)
      return { ready: inState('ready'), down: inState('down'), tools }
    },
    close: async () => void (await Promise.all([...entries.values()].map(({ server }) => server.close()))),
  }
}

const NOTHING: readonly OfferedTool[] = []

/** One for everyone, or with a login one for each person. */
const keyOf = (spec: ServerSpec, workspaceId: string | undefined) =>
  spec.auth === 'oauth' ? `${spec.id} ${workspaceId}` : spec.id

/** All that a connection depends on. */
function printOf({ reach, ...spec }: ServerSpec): string {
  const secrets = openRecord(reach.type === 'stdio' ? reach.env : reach.headers)
  return JSON.stringify([spec, reach, secrets])
}

async function within(ms: number, done: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([done, late])
  clearTimeout(timer)
}
