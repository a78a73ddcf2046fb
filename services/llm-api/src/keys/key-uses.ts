import type { Logger } from '@jan/service-kit/logger'
import type { KeyStore } from './key.store.ts'

/** When keys were last used: kept for a moment and written for many at once. */
export type KeyUses = {
  note(id: string, at: Date): void
  /** Writes what is noted. */
  flush(): Promise<void>
}

const FLUSH_MS = 5_000

export function createKeyUses(store: Pick<KeyStore, 'noteUses'>, log: Logger): KeyUses {
  let uses = new Map<string, Date>()
  let timer: NodeJS.Timeout | undefined

  const flush = async () => {
    clearTimeout(timer)
    timer = undefined
    if (uses.size === 0) return
    const noted = uses
    uses = new Map()
    await store.noteUses(Array.from(noted, ([id, at]) => ({ id, at }))).catch((error: unknown) => {
      log.warn({ err: error, keys: noted.size }, 'when API keys were used could not be written')
    })
  }
  return {
    note(id, at) {
      uses.set(id, at)
      timer ??= setTimeout(flush, FLUSH_MS).unref()
    },
    flush,
  }
}
