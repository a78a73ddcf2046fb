import { keepModelsFresh } from '../models/keep-models-fresh.job.ts'
import type { KnownProvider } from './known-providers.ts'

export type SyncOptions = {
  sync: (providerId: string) => Promise<void>
  everyMs: number
  now: () => Date
  random?: () => number
}

export type ProviderSyncs = {
  /** Begins with those that are new, and ends with those that are gone or off. */
  follow(providers: KnownProvider[]): void
  stop(): Promise<void>
}

/** Every provider is asked in its own time: one that is silent or down makes no other wait. */
export function keepProvidersSynced({ sync, everyMs, now, random }: SyncOptions): ProviderSyncs {
  const loops = new Map<string, { stop(): Promise<void> }>()
  const known = new Map<string, KnownProvider>()
  let isStopped = false

  /** Another replica may have asked in the meantime. */
  const isDue = ({ syncedAt }: KnownProvider) => !syncedAt || now().getTime() - syncedAt.getTime() >= everyMs / 2

  const begin = (id: string) =>
    keepModelsFresh(
      {
        refresh: async () => {
          const provider = known.get(id)
          if (provider && isDue(provider)) await sync(id)
        },
      },
      { everyMs, ...(random ? { random } : {}) },
    )

  return {
    follow: (providers) => {
      if (isStopped) return
      const active = providers.filter((each) => each.active && each.operator?.syncs !== false)
      known.clear()
      for (const provider of active) known.set(provider.id, provider)
      for (const [id, loop] of loops)
        if (!known.has(id)) {
          loops.delete(id)
          void loop.stop()
        }
      for (const id of known.keys()) if (!loops.has(id)) loops.set(id, begin(id))
    },
    stop: async () => {
      isStopped = true
      await Promise.all([...loops.values()].map((loop) => loop.stop()))
    },
  }
}
