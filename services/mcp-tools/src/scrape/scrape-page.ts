import { type GuardedFetchCode, GuardedFetchError } from '@jan/guarded-fetch/guarded-fetch-error'
import { AppError, type ErrorCode, unavailable } from '@jan/service-kit/errors'
import { createTurns, type Turns } from '../tools/turns.ts'
import { PageUnreadable } from './extract-page.ts'
import { type FetchedPage, type FetchPageDeps, fetchPage } from './fetch-page.ts'
import { DEFAULT_MAX_CHARS, type ScrapedPage } from './scrape.schema.ts'

export type ScrapeDeps = FetchPageDeps & {
  /** How many pages are held at once: each may be megabytes. */
  pages: Turns
}

export type ScrapeRequest = {
  url: string
  includeMarkdown: boolean
  maxChars?: number
  startIndex?: number
  signal: AbortSignal
}

/** A page that cannot be had is an answer for the model, not an exception. */
export type ScrapeFailure = { error: AppError }

/** The line in front of scraping: `atOnce` pages are read, eight times as many may wait. */
export const createPageTurns = (atOnce = 8): Turns =>
  createTurns(atOnce, 8 * atOnce, {
    busy: () => unavailable('Too many pages are being read right now; try again in a moment'),
    closed: () => unavailable('The service is stopping'),
  })

const PREVIEW_CHARS = 600

/**
 * Reads the text of a page somebody named.
 * @throws the reason of `signal` when that was aborted
 */
export async function scrapePage(deps: ScrapeDeps, request: ScrapeRequest): Promise<ScrapedPage | ScrapeFailure> {
  const { url, signal, includeMarkdown, startIndex = 0 } = request
  try {
    return await deps.pages.during(signal, async () =>
      presentPage(await fetchPage(deps, { url, includeMarkdown, isContinued: startIndex > 0, signal }), request),
    )
  } catch (error) {
    if (error instanceof AppError) return { error }
    if (error instanceof GuardedFetchError) return { error: fetchFailure(error) }
    if (error instanceof PageUnreadable)
      return { error: new AppError('upstream_failed', error.message, { cause: error.cause }) }
    throw error
  }
}

/** What a fetch that failed is to whoever asked for it. */
const FETCH_CODES: Record<GuardedFetchCode, ErrorCode> = {
  invalid_url: 'invalid_request',
  blocked: 'forbidden',
  timeout: 'upstream_timeout',
  too_large: 'upstream_failed',
  too_many_redirects: 'upstream_failed',
  unreachable: 'upstream_failed',
}

export const fetchFailure = ({ code, message, cause }: GuardedFetchError): AppError =>
  new AppError(FETCH_CODES[code], message, cause === undefined ? {} : { cause })

/** `text`, or its beginning: `most` characters, the last of which says so. */
const shorten = (text: string, most: number): string => (text.length > most ? `${piece(text, 0, most - 1)}…` : text)

function presentPage(found: FetchedPage, { startIndex = 0, maxChars = DEFAULT_MAX_CHARS }: ScrapeRequest): ScrapedPage {
  const { page } = found
  const { excerpt } = page.about
  const end = startIndex + maxChars
  const longest = Math.max(page.text.length, page.markdown?.length ?? 0)
  return {
    source_url: found.url,
    title: page.title,
    text: piece(page.text, startIndex, end),
    text_preview: shorten(page.text, Math.min(PREVIEW_CHARS + 1, maxChars)),
    ...(page.markdown === null ? {} : { markdown: piece(page.markdown, startIndex, end) }),
    metadata: {
      status: found.status,
      contentType: found.contentType,
      ...(page.title === null ? {} : { title: page.title }),
      ...page.about,
      ...(typeof excerpt === 'string' && { excerpt: shorten(excerpt, maxChars) }),
    },
    total_chars: page.text.length,
    start_index: startIndex,
    next_start_index: end < longest ? end : null,
    cache_status: found.cacheStatus,
    fetched_at: found.fetchedAt,
  }
}

/** Cut between characters, so that pieces join: half a character is refused by databases and other readers of JSON. */
const piece = (text: string, start: number, end: number): string => text.slice(cutAt(text, start), cutAt(text, end))

const cutAt = (text: string, index: number): number => {
  const isHighHalf = (text.charCodeAt(index - 1) & 0xfc00) === 0xd800
  return isHighHalf ? index - 1 : index
}
