import type { GuardedFetch, GuardedResponse } from '@jan/guarded-fetch/guarded-fetch'
import { AppError } from '@jan/service-kit/errors'
import type { ExtractPage } from './extract-page.ts'
import { freshnessOf, type KeptPage, type PageCache } from './page-cache.ts'
import type { AskRobots } from './robots.ts'

export type FetchPageDeps = {
  fetch: GuardedFetch['fetch']
  extract: ExtractPage
  clock: () => Date
  kept: PageCache
  /** Undefined where the operator does not want sites to be asked. */
  askRobots?: AskRobots | undefined
}

export type PageWanted = { url: string; includeMarkdown: boolean; isContinued: boolean; signal: AbortSignal }

export type FetchedPage = KeptPage & { cacheStatus: 'live' | 'cached' | 'revalidated' }

const ACCEPT = 'text/html,application/xhtml+xml,application/pdf;q=0.9,text/plain;q=0.9,application/json;q=0.9,*/*;q=0.5'
/** So long the pieces of a page are cut from one copy, whatever becomes of the page meanwhile. */
const CONTINUE_MS = 600_000

/**
 * A page, read: from what is kept while that is fresh, else asked for, by its ETag or date where it has one.
 * @throws AppError; GuardedFetchError; PageUnreadable; the reason of the signal when that was aborted
 */
export async function fetchPage(deps: FetchPageDeps, wanted: PageWanted): Promise<FetchedPage> {
  const { url, includeMarkdown, signal } = wanted
  await requireOpen(deps, url, signal)
  const known = await deps.kept.find(url, includeMarkdown)
  if (known && isGoodEnough(known, wanted, deps.clock())) return { ...known, cacheStatus: 'cached' }
  let response = await deps.fetch(url, { signal, headers: { accept: ACCEPT, ...conditionsOf(known) } })
  if (response.status === 304) {
    await response.discard()
    if (known?.url === response.url) return renew(deps, wanted, known, response)
    // It speaks of another page than the one that is known: a redirect leads elsewhere today.
    response = await deps.fetch(url, { signal, headers: { accept: ACCEPT } })
  }
  return await readAnswer(deps, wanted, response)
}

const isGoodEnough = (known: KeptPage, { isContinued }: PageWanted, now: Date): boolean =>
  now.getTime() < Math.max(known.freshUntil, isContinued ? Date.parse(known.fetchedAt) + CONTINUE_MS : 0)

const conditionsOf = (known: KeptPage | undefined): Record<string, string> => ({
  ...(known?.etag && { 'if-none-match': known.etag }),
  ...(known?.lastModified && { 'if-modified-since': known.lastModified }),
})

async function requireOpen({ askRobots }: FetchPageDeps, url: string, signal: AbortSignal): Promise<void> {
  const refusal = await askRobots?.(url, signal)
  if (refusal) throw new AppError('forbidden', refusal)
}

async function renew(deps: FetchPageDeps, wanted: PageWanted, known: KeptPage, answer: GuardedResponse) {
  await requireOpen(deps, known.url, wanted.signal)
  const now = deps.clock()
  const page = {
    ...known,
    fetchedAt: now.toISOString(),
    freshUntil: now.getTime() + (freshnessOf(answer.headers) ?? 0),
  }
  await deps.kept.keep(wanted.url, wanted.includeMarkdown, page)
  return { ...page, cacheStatus: 'revalidated' as const }
}

async function readAnswer(deps: FetchPageDeps, wanted: PageWanted, response: GuardedResponse): Promise<FetchedPage> {
  try {
    // The page that a redirect led to may be closed though the one before was not.
    if (response.url !== wanted.url) await requireOpen(deps, response.url, wanted.signal)
    if (response.status >= 400)
      throw new AppError('upstream_failed', `The page answered with status ${response.status}`)
  } catch (error) {
    await response.discard()
    throw error
  }
  const contentType = response.headers.get('content-type') ?? ''
  const source = { bytes: await response.bytes(), contentType, url: response.url }
  const now = deps.clock()
  const freshMs = freshnessOf(response.headers)
  const etag = response.headers.get('etag')
  const lastModified = response.headers.get('last-modified')
  const page: KeptPage = {
    url: response.url,
    status: response.status,
    contentType,
    fetchedAt: now.toISOString(),
    freshUntil: now.getTime() + (freshMs ?? 0),
    ...(etag && { etag }),
    ...(lastModified && { lastModified }),
    page: await deps.extract(source, wanted.includeMarkdown, wanted.signal),
  }
  if (freshMs !== undefined) await deps.kept.keep(wanted.url, wanted.includeMarkdown, page)
  return { ...page, cacheStatus: 'live' }
}
