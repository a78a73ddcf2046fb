import type { ErrorCode } from '@jan/service-kit/errors'
import type { Logger } from '@jan/service-kit/logger'
import { narrow, normaliseDomain } from './domain-filter.ts'
import { askOnce, type DatedAnswer, type SearchMemory } from './engine-cache.ts'
import { presentSearch } from './present-search.ts'
import type { GoogleSearchInput, SearchDocument } from './search.schema.ts'
import type { EngineChoice, SearchEngine, Searcher, SearchQuery } from './search-engine.ts'

export type SearchDeps = {
  /** In the order they are asked; the next one is asked when one fails. */
  engines: EngineChoice[]
  /** Answers when nobody else may be asked. */
  offlineEngine: SearchEngine
  memory: SearchMemory
  /** The operator's domains, each as `normaliseDomain` writes it; undefined allows all. */
  domains?: string[] | undefined
  locationHint?: string | undefined
  /** No search leaves the machine. A caller may wish for the same, and cannot lift it. */
  offline: boolean
  clock: () => Date
  log: Pick<Logger, 'warn'>
}

/** A search that cannot be made is an answer for the model, not an exception. */
export type SearchFailure = { error: { code: ErrorCode; message: string } }

const DEFAULT_RESULTS = 10

/**
 * Searches the web with the first engine that answers. `who` may have no workspace: then there are no documents of theirs.
 * @throws the reason of the signal when that was aborted
 */
export async function searchWeb(
  deps: SearchDeps,
  who: Searcher & { mayPay: boolean },
  input: GoogleSearchInput,
): Promise<SearchDocument | SearchFailure> {
  const wanted = readDomains(input.domain_allow_list)
  if (wanted && 'error' in wanted) return wanted
  const allowed = narrow(deps.domains, wanted?.domains)
  if (allowed?.length === 0)
    return failure('forbidden', 'The operator allows none of the domains of domain_allow_list to be searched')
  const hint = filled(input.location_hint) ?? deps.locationHint
  const query = buildQuery(input, allowed, hint)
  const asked = await askInOrder(deps, deps.offline || input.offline_mode === true, query, who)
  if (!asked) return failure('upstream_failed', 'No search engine answered; try again later, or with offline_mode')
  return presentSearch(asked, { query, allowed, wanted: wanted?.domains, hint })
}

const failure = (code: ErrorCode, message: string): SearchFailure => ({ error: { code, message } })
const filled = (text: string | undefined): string | undefined => text?.trim() || undefined
const positive = (number: number | undefined): number | undefined =>
  number !== undefined && number > 0 ? number : undefined

function readDomains(list: string[] | undefined): { domains: string[] } | SearchFailure | undefined {
  const entries = (list ?? []).filter((entry) => entry.trim() !== '')
  if (entries.length === 0) return undefined
  const domains = entries.map(normaliseDomain)
  const wrong = entries[domains.indexOf(undefined)]
  if (wrong !== undefined) return failure('invalid_request', `domain_allow_list: '${wrong}' is not a domain`)
  return { domains: [...new Set(domains.filter((domain) => domain !== undefined))] }
}

function buildQuery(input: GoogleSearchInput, sites: string[] | undefined, hint: string | undefined): SearchQuery {
  const optional = {
    sites,
    gl: filled(input.gl),
    hl: filled(input.hl),
    location: filled(input.location) ?? hint,
    tbs: filled(input.tbs),
    page: positive(input.page),
  }
  const given = Object.entries(optional).filter(([, value]) => value !== undefined)
  return {
    q: input.q,
    num: positive(input.num) ?? DEFAULT_RESULTS,
    autocorrect: input.autocorrect,
    ...Object.fromEntries(given),
  }
}

/** An engine's answer, and why none before it gave one. */
export type Asked = DatedAnswer & { engine: SearchEngine; reason?: string }

async function askInOrder(
  deps: SearchDeps,
  offline: boolean,
  query: SearchQuery,
  who: Searcher & { mayPay: boolean },
): Promise<Asked | undefined> {
  let reason = offline ? 'offline_mode' : undefined
  for (const choice of offline ? [{ engine: deps.offlineEngine }] : deps.engines) {
    if ('missing' in choice) {
      reason ??= choice.missing
      continue
    }
    const { engine } = choice
    if (engine.paid && !who.mayPay) {
      reason ??= `${engine.name}_not_for_guests`
      continue
    }
    try {
      return { ...(await ask(deps, engine, query, who)), engine, ...(reason && { reason }) }
    } catch (error) {
      who.signal.throwIfAborted()
      deps.log.warn({ err: error, engine: engine.name }, 'a search engine failed')
      // A failure is worth more to know than an engine that was never set up.
      reason = `${engine.name}_error`
    }
  }
  return undefined
}

async function ask(deps: SearchDeps, engine: SearchEngine, query: SearchQuery, who: Searcher): Promise<DatedAnswer> {
  if (engine.live) return askOnce(deps, engine, query, who.signal)
  return { answer: await engine.search(query, who), fetchedAt: deps.clock(), isCached: false }
}
