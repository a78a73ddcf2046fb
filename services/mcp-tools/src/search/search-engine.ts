export type EngineName = 'serper' | 'searxng' | 'offline'

/** A search as engines take it: what the caller left blank is not there. */
export type SearchQuery = {
  /** With the site filter, for engines that understand it. */
  q: string
  gl?: string
  hl?: string
  location?: string
  num: number
  tbs?: string
  page?: number
  autocorrect: boolean
}

export type FoundPage = { title: string; url: string; snippet: string }
export type EngineAnswer = { pages: FoundPage[]; unresponsiveEngines?: string[] }

export type SearchEngine = {
  name: EngineName
  /** Whether it asks the network. */
  live: boolean
  /** @throws Error when there is no usable answer; the reason of `signal` when that was aborted */
  search(query: SearchQuery, signal: AbortSignal): Promise<EngineAnswer>
}

/** An engine of the operator's order, or why it cannot be asked (`serper_unavailable`, `searxng_unconfigured`). */
export type EngineChoice = { engine: SearchEngine } | { missing: string }
