import { setTimeout as pause } from 'node:timers/promises'
import type { Replica } from './replica.ts'
import type { Opened } from './scenario.ts'

export type Readiness = { isReady(endpoint: string): boolean; [Symbol.asyncDispose](): Promise<void> }

/** Looks at readiness as a load balancer does. */
export function watchReadiness({ replicas, endpoints }: Pick<Opened, 'replicas' | 'endpoints'>): Readiness {
  const ready = new Set(endpoints.map(({ name }) => name))
  const stopped = new AbortController()
  const watch = async (replica: Replica, endpoint: string) => {
    while (!stopped.signal.aborted) {
      if (await replica.isReady(500)) ready.add(endpoint)
      else ready.delete(endpoint)
      await pause(100, undefined, { signal: stopped.signal }).catch(() => undefined)
    }
  }
  const watching = Promise.all(replicas.map((replica, index) => watch(replica, endpoints[index]!.name)))
  return {
    isReady: (endpoint) => ready.has(endpoint),
    [Symbol.asyncDispose]: async () => {
      stopped.abort()
      await watching
    },
  }
}
