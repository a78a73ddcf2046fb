import type { GuardedFetch, GuardedResponse } from '@jan/guarded-fetch/guarded-fetch'
import { type GuardedFetchCode, GuardedFetchError } from '@jan/guarded-fetch/guarded-fetch-error'
import type { ErrorCode } from '@jan/service-kit/errors'
import { createTurns, type Turns } from '../tools/turns.ts'
import { type ExtractPage, PageUnreadable } from './extract-page.ts'
import type { ReadPage } from './read-html.ts'
import { DEFAULT_MAX_CHARS, type ScrapedPage } from './scrape.schema.ts'

export type ScrapeDeps = {
  fetch: GuardedFetch['fetch']
  extract: ExtractPage
  /** How many pages are held at once: each may be megabytes. */
  pages: Turns
  clock: () => Date
}

export type ScrapeRequest = {
  url: string
  includeMarkdown: boolean
  maxChars?: number
  startIndex?: number
  signal: AbortSignal
}

/** A page that cannot be had is an answer for the model, not an exception. `cause` is for the log only. */
export type ScrapeFailure = { error: { code: ErrorCode; message: string; cause?: unknown } }

class PagesBusy extends Error {
  override name = 'PagesBusy'
}

/** The line in front of scraping: `atOnce` pages are read, eight times as many may wait. */
export const createPageTurns = (atOnce = 8): Turns =>
  createTurns(atOnce, 8 * atOnce, {
    busy: () => new PagesBusy('Too many pages are being read right now; try again in a moment'),
    closed: () => new PagesBusy('The service is stopping'),
  })

const PREVIEW_CHARS = 600
const ACCEPT = 'text/html,application/xhtml+xml,text/plain;q=0.9,application/json;q=0.9,*/*;q=0.5'

/**
 * Fetches a page somebody named and reads its text out.
 * @throws the reason of `signal` when that was aborted
 */
export async function scrapePage(deps: ScrapeDeps, request: ScrapeRequest): Promise<ScrapedPage | ScrapeFailure> {
  const { url, signal, includeMarkdown } = request
  try {
    await deps.pages.take(signal)
  } catch (error) {
    if (error instanceof PagesBusy) return failure('unavailable', error.message)
    throw error
  }
  try {
    const response = await deps.fetch(url, { signal, headers: { accept: ACCEPT } })
    if (response.status >= 400) {
      await response.discard()
      return failure('upstream_failed', `The page answered with status ${response.status}`)
    }
    const contentType = response.headers.get('content-type') ?? ''
    const source = { bytes: await response.bytes(), contentType, url: response.url }
    const page = await deps.extract(source, includeMarkdown, signal)
    return presentPage(page, response, request, deps.clock())
  } catch (error) {
    if (error instanceof GuardedFetchError) return failure(CODES[error.code], error.message, error.cause)
    if (error instanceof PageUnreadable) return failure('upstream_failed', error.message, error.cause)
    throw error
  } finally {
    deps.pages.give()
  }
}

const CODES: Record<GuardedFetchCode, ErrorCode> = {
  invalid_url: 'invalid_request',
  blocked: 'forbidden',
  timeout: 'upstream_timeout',
  too_large: 'upstream_failed',
  too_many_redirects: 'upstream_failed',
  unreachable: 'upstream_failed',
}

const failure = (code: ErrorCode, message: string, cause?: unknown): ScrapeFailure => ({
  error: { code, message, ...(cause === undefined ? {} : { cause }) },
})

function presentPage(page: ReadPage, response: GuardedResponse, request: ScrapeRequest, now: Date): ScrapedPage {
  const { startIndex = 0, maxChars = DEFAULT_MAX_CHARS } = request
  const end = startIndex + maxChars
  const longest = Math.max(page.text.length, page.markdown?.length ?? 0)
  return {
    source_url: response.url,
    title: page.title,
    text: piece(page.text, startIndex, end),
    text_preview: page.text.length > PREVIEW_CHARS ? `${piece(page.text, 0, PREVIEW_CHARS)}…` : page.text,
    ...(page.markdown === null ? {} : { markdown: piece(page.markdown, startIndex, end) }),
    metadata: {
      status: response.status,
      contentType: response.headers.get('content-type') ?? '',
      ...(page.title === null ? {} : { title: page.title }),
      ...page.about,
    },
    total_chars: page.text.length,
    start_index: startIndex,
    next_start_index: end < longest ? end : null,
    cache_status: 'live',
    fetched_at: now.toISOString(),
  }
}

/** Cut between characters, so that pieces join: half a character is refused by databases and other readers of JSON. */
const piece = (text: string, start: number, end: number): string => text.slice(cutAt(text, start), cutAt(text, end))

const cutAt = (text: string, index: number): number => {
  const isHighHalf = (text.charCodeAt(index - 1) & 0xfc00) === 0xd800
  return isHighHalf ? index - 1 : index
}
