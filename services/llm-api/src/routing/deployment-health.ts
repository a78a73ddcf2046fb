export type HealthOptions = {
  now: () => number
  /** 0 to 1: replicas must not come back together. */
  random: () => number
  /** Tells the other replicas. */
  tell?: (news: HealthNews) => void
}

/** A place cools down until then (Unix ms), or is well again (0). `level` counts how often in a row. */
export type HealthNews = { id: string; until: number; level: number }

export type DeploymentHealth = {
  /** `probe`: it has cooled down, and this request is the one that finds out. */
  stateOf(id: string): 'well' | 'cooling' | 'probe'
  /** When it has cooled down, Unix ms; 0 when it is well. */
  coolUntil(id: string): number
  succeeded(id: string): void
  /** @param atLeastMs what the provider asked for @returns whether it begins to cool down */
  failed(id: string, atLeastMs?: number): boolean
  /** What another replica found. */
  hear(news: HealthNews): void
}

/** So many failures in a row, none of them older than a minute before the next, and a place cools down. */
const FAILURES = 3
const FORGOTTEN_MS = 60_000
/** The first time; doubled each time that a probe fails. */
const COOL_MS = 5_000
const LONGEST_MS = 120_000
/** How long a probe keeps others away. */
const PROBE_MS = 30_000

type State = { failures: number; failedAt: number; until: number; level: number; probedAt: number }

/**
 * Which places serve, by what came of the requests sent to them. A place that keeps failing cools down; then one
 * request probes it, and it is well again or cools for longer. What is well costs one look into a map.
 */
export function createDeploymentHealth({ now, random, tell }: HealthOptions): DeploymentHealth {
  const states = new Map<string, State>()

  const cool = (id: string, state: State, atLeastMs: number) => {
    const ms = Math.min(LONGEST_MS, COOL_MS * 2 ** state.level) * (1 + random() / 4)
    state.until = now() + Math.max(ms, Math.min(atLeastMs, LONGEST_MS))
    state.level += 1
    state.failures = 0
    tell?.({ id, until: state.until, level: state.level })
  }

  return {
    stateOf: (id) => {
      const state = states.get(id)
      if (!state || state.until === 0) return 'well'
      const at = now()
      if (at < state.until || at - state.probedAt < PROBE_MS) return 'cooling'
      state.probedAt = at
      return 'probe'
    },
    coolUntil: (id) => states.get(id)?.until ?? 0,
    succeeded: (id) => {
      const state = states.get(id)
      if (!state) return
      states.delete(id)
      if (state.until > 0) tell?.({ id, until: 0, level: 0 })
    },
    failed: (id, atLeastMs = 0) => {
      const at = now()
      const state = states.get(id) ?? { failures: 0, failedAt: at, until: 0, level: 0, probedAt: 0 }
      states.set(id, state)
      if (at - state.failedAt > FORGOTTEN_MS) state.failures = 0
      state.failures += 1
      state.failedAt = at
      // Requests that were under way when it began to cool say nothing new.
      const wasProbe = state.until > 0 && at >= state.until
      if (!wasProbe && (state.until > 0 || (state.failures < FAILURES && atLeastMs === 0))) return false
      state.probedAt = 0
      cool(id, state, atLeastMs)
      return true
    },
    hear: ({ id, until, level }) => {
      if (until === 0) states.delete(id)
      else if (until > now()) states.set(id, { failures: 0, failedAt: now(), until, level, probedAt: 0 })
    },
  }
}
