import { AppError, invalid } from '@jan/service-kit/errors'
import type { Deps } from '../deps.ts'
import { scrapePage } from '../scrape/scrape-page.ts'
import type { Asking } from './asking.ts'
import { storable } from './storable.ts'

/** Where a document's text is: here, in the caller's media, or on the web. */
export type Source = { text: string } | { mediaId: string } | { url: string }

export type SourceText = {
  text: string
  /** A file's name or a page's title. */
  title: string | undefined
  source: string | null
  /** There is more, which could not be read. */
  truncated: boolean
}

export type SourceDeps = Pick<Deps, 'mediaApi' | 'fetch' | 'scraping' | 'now'>

/** @throws AppError when there is no text to be had */
export async function readSource(
  deps: SourceDeps,
  asking: Asking,
  source: Source,
  maxChars: number,
): Promise<SourceText> {
  const found = await read(deps, asking, source, maxChars)
  const text = storable(found.text)
  if (text.trim() === '') throw invalid('There is no text to index')
  if (text.length > maxChars)
    throw new AppError('payload_too_large', `The text has ${text.length} characters; there may be ${maxChars} at most`)
  return { ...found, text, title: found.title === undefined ? undefined : storable(found.title).trim().slice(0, 200) }
}

async function read(deps: SourceDeps, asking: Asking, source: Source, maxChars: number): Promise<SourceText> {
  if ('text' in source) return { text: source.text, title: undefined, source: null, truncated: false }
  return 'url' in source ? readPage(deps, asking, source.url, maxChars) : readMedia(deps, asking, source.mediaId)
}

async function readMedia(
  { mediaApi }: SourceDeps,
  { caller, requestId, signal }: Asking,
  id: string,
): Promise<SourceText> {
  const get = <T>(what: string) =>
    mediaApi.json<T>({ method: 'GET', path: `/v1/media/${encodeURIComponent(id)}/${what}`, caller, requestId, signal })
  const { text, truncated } = await get<{ text: string; truncated: boolean }>('text')
  const { filename } = await get<{ filename?: string }>('metadata')
  return { text, title: filename, source: id, truncated }
}

async function readPage(deps: SourceDeps, { signal }: Asking, url: string, maxChars: number): Promise<SourceText> {
  const { fetch, scraping, now } = deps
  const page = await scrapePage(
    { ...scraping, fetch, clock: now },
    { url, includeMarkdown: false, maxChars: maxChars + 1, signal },
  )
  if ('error' in page) throw page.error
  return {
    text: page.text,
    title: page.title ?? undefined,
    source: page.source_url,
    truncated: page.next_start_index !== null,
  }
}
