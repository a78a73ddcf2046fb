export type EngineName = 'serper' | 'searxng' | 'offline'

/** A search as engines take it: what the caller left blank is not there. */
export type SearchQuery = {
  q: string
  /** Domains that are asked for, by engines that understand it; results are held to them in any case. */
  sites?: string[]
  gl?: string
  hl?: string
  location?: string
  num: number
  tbs?: string
  page?: number
  autocorrect: boolean
}

export type FoundPage = {
  title: string
  url: string
  snippet: string
  /** As the engine told it. */
  raw?: Record<string, unknown>
}

export type EngineAnswer = {
  pages: FoundPage[]
  unresponsiveEngines?: string[]
  /** What an engine tells beside its pages: `knowledgeGraph`, `answerBox`, `images`, `news`. */
  extras?: Record<string, unknown>
  /** It found nothing: the one page is where a person can search. */
  isFallback?: boolean
}

/** Who asks; an engine of the network is not told. */
export type Searcher = { workspaceId: string | undefined; signal: AbortSignal }

export type SearchEngine = {
  name: EngineName
  /** Whether it asks the network. */
  live: boolean
  /** A search costs the operator money. */
  paid: boolean
  /** @throws Error when there is no usable answer; the reason of the signal when that was aborted */
  search(query: SearchQuery, who: Searcher): Promise<EngineAnswer>
}

/** An engine of the operator's order, or why it cannot be asked (`serper_unavailable`, `searxng_unconfigured`). */
export type EngineChoice = { engine: SearchEngine } | { missing: string }
