import type { FieldCipher } from '@jan/service-kit/field-encryption'
import type { Logger } from '@jan/service-kit/logger'
import { createRecentlyUsed } from '@jan/service-kit/recently-used'
import { keepUnlike } from './server-names.ts'
import { specOfRow } from './server-secrets.ts'
import type { ServerSpec } from './server-spec.ts'
import type { ServerStore } from './servers.store.ts'
import type { WatchedFile } from './watch-server-file.ts'

/** Which servers there are for whom. Changes of other replicas are seen within `LOOK_MS`, when somebody asks. */
export type KnownServers = {
  /** Switched on, and none that looks like another: the operator's come first, then everyone's, then their own. The same array as long as it is the same. */
  of(workspaceId: string | undefined): Promise<readonly ServerSpec[]>
  /** Something has changed here. */
  forget(): void
}

type KnownDeps = {
  store: ServerStore
  file: WatchedFile
  cipher: FieldCipher
  log: Logger
  now: () => Date
  /** Something has changed, here or elsewhere. */
  onNews(): void
}

const LOOK_MS = 2_000
const MOST_WORKSPACES = 2_000
const KEPT_MS = 600_000

type Known = { news: string; file: readonly ServerSpec[]; specs: readonly ServerSpec[] }

export function createKnownServers({ store, file, cipher, log, now, onNews }: KnownDeps): KnownServers {
  const byWorkspace = createRecentlyUsed<Known>({ most: MOST_WORKSPACES, idleMs: KEPT_MS }, () => undefined)
  let news = ''
  let lookedAt = Number.NEGATIVE_INFINITY
  let looking: Promise<void> | undefined

  let forgotten = 0

  const look = async () => {
    const at = forgotten
    try {
      const told = await store.news()
      if (told !== news && news !== '') onNews()
      news = told
    } catch (err) {
      // What is known serves on while the database is away.
      log.warn({ err }, 'the MCP servers could not be read')
    }
    // What changed meanwhile may not have been seen.
    if (at === forgotten) lookedAt = now().getTime()
  }

  const read = async (workspaceId: string | undefined, before: Known | undefined): Promise<Known> => {
    const own = file.servers()
    // Of before: what changes while the rows are read is read again.
    const told = news
    try {
      const rows = await store.visible(workspaceId)
      const specs = rows.map((row) => specOfRow(cipher, row)).sort((one, other) => rank(one) - rank(other))
      const enabled = [...own, ...specs].filter((spec) => spec.enabled)
      return { news: told, file: own, specs: keepUnlike(enabled).kept }
    } catch (err) {
      log.warn({ err }, 'the MCP servers could not be read')
      return before ?? { news: '', file: own, specs: own.filter(({ enabled }) => enabled) }
    }
  }

  return {
    of: async (workspaceId) => {
      const at = now().getTime()
      if (at - lookedAt > LOOK_MS) {
        const mine = looking ?? look()
        looking = mine
        await mine
        if (looking === mine) looking = undefined
      }
      const key = workspaceId ?? ''
      const known = byWorkspace.get(key, at)
      if (known && known.news === news && known.file === file.servers()) return known.specs
      const fresh = await read(workspaceId, known)
      byWorkspace.set(key, fresh, at)
      return fresh.specs
    },
    forget: () => {
      forgotten++
      looking = undefined
      lookedAt = Number.NEGATIVE_INFINITY
    },
  }
}

/** Everyone's before one's own. */
const rank = (spec: ServerSpec) => (spec.workspaceId === undefined ? 0 : 1)
