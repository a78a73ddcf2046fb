import type { GuardedFetch } from '@jan/guarded-fetch/guarded-fetch'
import { GuardedFetchError } from '@jan/guarded-fetch/guarded-fetch-error'
import { AppError } from '@jan/service-kit/errors'
import { tryParseJson } from '@jan/service-kit/json-body'
import { ForeignFailure } from '../tools/untrusted.ts'
import type { FetchedJson, FetchJsonInput } from './fetch-json.schema.ts'
import { follow, outline, parsePointer } from './json-pointer.ts'
import { decodeText, mediaType } from './page-source.ts'
import { fetchFailure } from './scrape-page.ts'

export type FetchJsonDeps = { fetch: GuardedFetch['fetch']; clock: () => Date }

/** A larger document is held in memory several times over. */
const MAX_BYTES = 2 << 20
/** Whoever handles the answer after us may do it level by level on their stack. */
const MAX_DEPTH = 100
const JSON_TYPE = /(?:^text|[/+])json$|^text\/plain$|^$/

/**
 * Gets a JSON document and what a pointer leads to in it.
 * @throws AppError in words for whoever chose the arguments; the reason of `signal` when that was aborted
 */
export async function fetchJson(deps: FetchJsonDeps, input: FetchJsonInput, signal: AbortSignal): Promise<FetchedJson> {
  const pointer = parsePointer(input.pointer)
  if (!pointer)
    throw new AppError('invalid_request', `pointer: '${input.pointer}' is no JSON pointer; write it like /items/0/name`)
  const { document, url } = await fetchDocument(deps, input.url, signal)
  const pointed = follow(document, pointer)
  if ('missing' in pointed)
    throw new ForeignFailure(
      'not_found',
      `There is no ${JSON.stringify(pointed.missing)} at '${pointed.at}', where ${outline(pointed.found)} is`,
    )
  if (isDeeper(pointed.value, MAX_DEPTH))
    throw new AppError('upstream_failed', `The JSON at '${input.pointer}' is nested deeper than ${MAX_DEPTH} levels`)
  const { length } = JSON.stringify(pointed.value)
  if (length > input.max_chars)
    throw new ForeignFailure(
      'payload_too_large',
      `The JSON at '${input.pointer}' has ${length} characters, more than max_chars (${input.max_chars}). It is ` +
        `${outline(pointed.value)}: point to a part of it with pointer`,
    )
  return {
    source_url: url,
    pointer: input.pointer,
    value: pointed.value,
    total_chars: length,
    fetched_at: deps.clock().toISOString(),
  }
}

const isDeeper = (value: unknown, most: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (most === 0 || Object.values(value).some((inner) => isDeeper(inner, most - 1)))

async function fetchDocument({ fetch }: FetchJsonDeps, url: string, signal: AbortSignal) {
  try {
    const response = await fetch(url, { signal, maxBytes: MAX_BYTES, headers: { accept: 'application/json' } })
    if (response.status >= 400) {
      await response.discard()
      throw new AppError('upstream_failed', `The address answered with status ${response.status}`)
    }
    const contentType = response.headers.get('content-type') ?? ''
    const type = mediaType(contentType)
    if (!JSON_TYPE.test(type)) {
      await response.discard()
      throw new ForeignFailure('upstream_failed', `The address answers ${type}, not JSON; read it with scrape`)
    }
    const document = tryParseJson(decodeText({ bytes: await response.bytes(), contentType }))
    if (document === undefined)
      throw new AppError('upstream_failed', 'The address answers something that is no JSON; read it with scrape')
    return { document, url: response.url }
  } catch (error) {
    throw error instanceof GuardedFetchError ? fetchFailure(error) : error
  }
}
