import type { ErrorCode } from '@jan/service-kit/errors'
import type { Logger } from '@jan/service-kit/logger'
import { isAllowed, narrow, normaliseDomain, withSites } from './domain-filter.ts'
import { offlineEngine } from './offline-engine.ts'
import type { GoogleSearchInput, SearchDocument } from './search.schema.ts'
import type { EngineAnswer, EngineChoice, SearchEngine, SearchQuery } from './search-engine.ts'

export type SearchDeps = {
  /** In the order they are asked; the next one is asked when one fails. */
  engines: EngineChoice[]
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
const SNIPPET_CHARS = 420
const NO_SNIPPET = 'No description available.'

/**
 * Searches the web with the first engine that answers.
 * @throws the reason of `signal` when that was aborted
 */
export async function searchWeb(
  deps: SearchDeps,
  input: GoogleSearchInput,
  signal: AbortSignal,
): Promise<SearchDocument | SearchFailure> {
  const wanted = readDomains(input.domain_allow_list)
  if (wanted && 'error' in wanted) return wanted
  const allowed = narrow(deps.domains, wanted?.domains)
  if (allowed?.length === 0)
    return failure('forbidden', 'The operator allows none of the domains of domain_allow_list to be searched')
  const hint = filled(input.location_hint) ?? deps.locationHint
  const query = buildQuery(input, withSites(input.q, allowed), hint)
  const asked = await askInOrder(deps, deps.offline || input.offline_mode === true, query, signal)
  if (!asked) return failure('upstream_failed', 'No search engine answered')
  return presentSearch(asked, { input, query, allowed, hint, now: deps.clock() })
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

function buildQuery(input: GoogleSearchInput, q: string, hint: string | undefined): SearchQuery {
  const optional = {
    gl: filled(input.gl),
    hl: filled(input.hl),
    location: filled(input.location) ?? hint,
    tbs: filled(input.tbs),
    page: positive(input.page),
  }
  const given = Object.entries(optional).filter(([, value]) => value !== undefined)
  return {
    q,
    num: positive(input.num) ?? DEFAULT_RESULTS,
    autocorrect: input.autocorrect,
    ...Object.fromEntries(given),
  }
}

type Asked = { engine: SearchEngine; answer: EngineAnswer; reason?: string }

async function askInOrder(
  deps: SearchDeps,
  offline: boolean,
  query: SearchQuery,
  signal: AbortSignal,
): Promise<Asked | undefined> {
  if (offline)
    return { engine: offlineEngine, answer: await offlineEngine.search(query, signal), reason: 'offline_mode' }
  let reason: string | undefined
  for (const choice of deps.engines) {
    if ('missing' in choice) {
      reason ??= choice.missing
      continue
    }
    const { engine } = choice
    try {
      return { engine, answer: await engine.search(query, signal), ...(reason && { reason }) }
    } catch (error) {
      signal.throwIfAborted()
      deps.log.warn({ err: error, engine: engine.name }, 'a search engine failed')
      // A failure is worth more to know than an engine that was never set up.
      reason = `${engine.name}_error`
    }
  }
  return undefined
}

type Shown = {
  input: GoogleSearchInput
  query: SearchQuery
  allowed: string[] | undefined
  hint: string | undefined
  now: Date
}

function presentSearch({ engine, answer, reason }: Asked, { input, query, allowed, hint, now }: Shown): SearchDocument {
  const { name, live } = engine
  const pages = answer.pages.filter(({ url }) => /^https?:/.test(url) && isAllowed(allowed, url)).slice(0, query.num)
  return {
    query: input.q,
    engine: name,
    live,
    cache_status: live ? 'live' : (reason ?? 'fallback'),
    metadata: {
      ...query,
      engine: name,
      live,
      domain_allow_list: allowed ?? null,
      ...(hint && { location_hint: hint }),
      ...(reason && { reason }),
      ...(answer.unresponsiveEngines && { unresponsive_engines: answer.unresponsiveEngines }),
    },
    results: pages.map(({ title, url, snippet }, index) => ({
      position: index + 1,
      title,
      source_url: url,
      snippet: shorten(snippet.trim() || NO_SNIPPET),
      cache_status: live ? 'live' : 'fallback',
      fetched_at: now.toISOString(),
    })),
    // The link of an offline answer is no source of anything.
    citations: live ? pages.map((page) => page.url) : [],
  }
}

/** Cut by whole characters. */
function shorten(text: string): string {
  const characters = [...text]
  return characters.length <= SNIPPET_CHARS ? text : `${characters.slice(0, SNIPPET_CHARS).join('')}…`
}
