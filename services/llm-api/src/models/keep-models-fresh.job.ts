import { setTimeout as pause } from 'node:timers/promises'
import type { ModelCatalog } from './model-catalog.ts'

export type FreshnessOptions = {
  /** Between two refreshes that went well. */
  everyMs?: number
  /** After the first failure; doubled with each further one, up to a minute or `everyMs`. */
  retryMs?: number
  /** 0 to 1, for a spread of waiting times: replicas that start together must not ask together. */
  random?: () => number
}

const LONGEST_RETRY_MS = 60_000

/** Refreshes the catalog in the background until `stop`, whatever fails. */
export function keepModelsFresh(
  catalog: Pick<ModelCatalog, 'refresh'>,
  { everyMs = 60_000, retryMs = 1_000, random = Math.random }: FreshnessOptions = {},
): { stop(): Promise<void> } {
  const stopped = new AbortController()
  const loop = async () => {
    for (let failures = 0; !stopped.signal.aborted; ) {
      failures = await catalog.refresh().then(
        () => 0,
        () => failures + 1,
      )
      const wait = failures === 0 ? everyMs : Math.min(everyMs, LONGEST_RETRY_MS, retryMs * 2 ** (failures - 1))
      await pause(wait * (0.5 + random() / 2), undefined, { signal: stopped.signal, ref: false }).catch(() => undefined)
    }
  }
  const done = loop()
  return {
    stop: () => {
      stopped.abort()
      return done
    },
  }
}
