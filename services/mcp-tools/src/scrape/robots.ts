import type { GuardedFetch, GuardedResponse } from '@jan/guarded-fetch/guarded-fetch'
import { GuardedFetchError } from '@jan/guarded-fetch/guarded-fetch-error'
import { createRecentlyUsed } from '@jan/service-kit/recently-used'
import type { Cache } from '../cache/cache.ts'
import { readSiteRules, type SiteRules } from './site-rules.ts'

/** Why a site's robots.txt keeps us out; undefined when it does not. */
export type AskRobots = (url: string, signal: AbortSignal) => Promise<string | undefined>

export type RobotsDeps = {
  fetch: GuardedFetch['fetch']
  cache: Cache
  /** The product token of our User-Agent, which sites name their rules for. */
  product: string
}

const FETCH_MS = 8_000
/** RFC 9309 §2.5: at least 500 KiB are read; §2.4: no longer kept than a day. */
const MOST_BYTES = 512 << 10
const KEEP_MS = 3_600_000
/** A site that is in trouble is soon asked again. */
const KEEP_TROUBLE_MS = 60_000
/** Characters: what one question can make the reader of rules do, about 20 ms of everybody's time. */
const MOST_WORK = 5e6
/** Sites whose rules are kept as they were read: the longest take a tenth of a second to read, and a megabyte. */
const MOST_READ = 8

/** What stands for a robots.txt that a server in trouble did not tell: everything is closed (RFC 9309 §2.3.1.4). */
const CLOSED = '\u0000closed'

/**
 * Asks each site's robots.txt (RFC 9309): not there (4xx) is open, in trouble (5xx) is closed; where there are too many
 * redirects, it is as if not there.
 * The function throws GuardedFetchError when the site cannot be reached at all; the reason of the signal when that was aborted.
 */
export function createAskRobots({ fetch, cache, product }: RobotsDeps): AskRobots {
  const read = createRecentlyUsed<{ text: string; rules: SiteRules }>({ most: MOST_READ, idleMs: KEEP_MS }, () => {})
  const readOnce = (rulesUrl: string, text: string): SiteRules => {
    const at = performance.now()
    const known = read.get(rulesUrl, at)
    if (known?.text === text) return known.rules
    const rules = readSiteRules(rulesUrl, text, product)
    read.set(rulesUrl, { text, rules }, at)
    return rules
  }
  return async (url, signal) => {
    const target = URL.parse(url)
    // What is no address is refused by whoever fetches it, in better words.
    if (!target || !/^https?:$/.test(target.protocol) || target.username || target.password) return undefined
    const rulesUrl = `${target.origin}/robots.txt`
    if (target.pathname === '/robots.txt') return undefined
    let text = await cache.get(rulesUrl)
    if (text === undefined) {
      text = await fetchRules(fetch, rulesUrl, signal)
      await cache.set(rulesUrl, text, text === CLOSED ? KEEP_TROUBLE_MS : KEEP_MS)
    }
    if (text === CLOSED) return 'The site cannot tell its robots.txt at the moment, so its pages are not read'
    const rules = readOnce(rulesUrl, text)
    if (rules.work(target.pathname.length + target.search.length) > MOST_WORK)
      return 'The site’s robots.txt is too long to be obeyed'
    return rules.isAllowed(target.href) ? undefined : 'The site’s robots.txt asks programs not to read this page'
  }
}

async function fetchRules(fetch: GuardedFetch['fetch'], url: string, signal: AbortSignal): Promise<string> {
  try {
    // The limit is kept while reading: a longer one is cut, not refused.
    const response = await fetch(url, { signal, timeoutMs: FETCH_MS, maxBytes: Number.MAX_SAFE_INTEGER })
    if (response.status < 300) return await readStart(response)
    await response.discard()
    return response.status < 500 ? '' : CLOSED
  } catch (error) {
    if (error instanceof GuardedFetchError && error.code === 'too_many_redirects') return ''
    throw error
  }
}

/** Whole lines only: half a rule is another rule. */
async function readStart(response: GuardedResponse): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body) {
    chunks.push(chunk)
    length += chunk.byteLength
    if (length >= MOST_BYTES) break
  }
  const text = new TextDecoder().decode(Buffer.concat(chunks).subarray(0, MOST_BYTES))
  return length < MOST_BYTES ? text : text.slice(0, text.lastIndexOf('\n') + 1)
}
