import { AsyncLocalStorage } from 'node:async_hooks'
import { type AllowList, parseAllowList } from '@jan/guarded-fetch/allow-list'
import { createGuardedAgent } from '@jan/guarded-fetch/guarded-agent'
import { requireTarget } from '@jan/guarded-fetch/target'
import type { FetchLike } from '@modelcontextprotocol/client'
import { Agent, fetch as dial } from 'undici'
import { createNameLookup } from './look-up-name.ts'

/** One call of a tool: what comes in while it lasts is counted, and when it is too much the call ends with `fail`. */
export type CallBudget = { bytes: number; fail(error: Error): void }

export class TooLargeError extends Error {
  override name = 'TooLargeError'
}

export type ServerHttp = {
  /** For servers that anybody may name: every connection is judged. Redirects are never followed here. */
  guarded: FetchLike
  /** For what the operator's own file names. */
  trusted: FetchLike
  /** Whether an address may be dialled as far as its text tells. @throws GuardedFetchError */
  requireTarget(url: string): URL
  /** Runs one call on a budget. */
  within<T>(budget: CallBudget, act: () => Promise<T>): Promise<T>
  /** Runs what must not be counted as part of a call. */
  outside<T>(act: () => T): T
  close(): Promise<void>
}

type NameLookup = ReturnType<typeof createNameLookup>

type Options = {
  /** `host:port` of private addresses that users may name, too (OUTBOUND_ALLOW). */
  allow: string[]
  /** Most bytes of one answer, or of one event of a stream. */
  maxBytes: number
  connectTimeoutMs: number
  lookup?: NameLookup
}

/** What bridged servers are reached through: no answer is read further than its cap. */
export function createServerHttp({
  allow,
  maxBytes,
  connectTimeoutMs,
  lookup = lookupBeside(allow),
}: Options): ServerHttp {
  const allowed: AllowList = parseAllowList(allow)
  const budgets = new AsyncLocalStorage<CallBudget>()
  const ours = new Agent({ connect: { timeout: connectTimeoutMs }, headersTimeout: 0, bodyTimeout: 0 })
  const theirs = createGuardedAgent({ allowed, connectTimeoutMs, connections: null, lookup })
  const fetchBy =
    (dispatcher: Agent, judge: (url: string) => unknown): FetchLike =>
    async (url, init = {}) => {
      judge(String(url))
      const headers = new Headers(init.headers)
      const answer = await dial(String(url), {
        ...(init as Parameters<typeof dial>[1]),
        headers: [...headers],
        redirect: 'manual',
        dispatcher,
      })
      // Only where one was asked for: what asks for JSON, as all of OAuth does, reads to the end whatever it is called.
      const isStream =
        answer.status === 200 &&
        (headers.get('accept')?.includes(EVENTS) ?? false) &&
        (answer.headers.get('content-type')?.startsWith(EVENTS) ?? false)
      const limits = { maxBytes, isStream, budget: budgets.getStore() }
      const body = answer.body && cap(answer.body as ReadableStream<Uint8Array>, limits)
      // A Response of these has no body, and its constructor insists.
      const bodiless = [101, 204, 205, 304].includes(answer.status)
      return new Response(bodiless ? null : body, { status: answer.status, headers: [...answer.headers] })
    }
  return {
    guarded: fetchBy(theirs, (url) => requireTarget(url, allowed)),
    trusted: fetchBy(ours, () => undefined),
    requireTarget: (url) => requireTarget(url, allowed),
    within: (budget, act) => budgets.run(budget, act),
    outside: (act) => budgets.exit(act),
    close: async () => void (await Promise.all([ours.destroy(), theirs.destroy()])),
  }
}

/** Names that the operator allowed are the system's to know. */
const lookupBeside = (allow: string[]) =>
  createNameLookup({ trusted: new Set(allow.map((entry) => entry.trim().toLowerCase().replace(/:\d+$/, ''))) })

const EVENTS = 'text/event-stream'
const NEWLINE = 10

type Limits = { maxBytes: number; isStream: boolean; budget: CallBudget | undefined }

/** In a stream that goes on for days an event may be as long as an answer elsewhere; a call's own may not be longer in all. */
function cap(body: ReadableStream<Uint8Array>, { maxBytes, isStream, budget }: Limits): ReadableStream<Uint8Array> {
  let sinceBlank = 0
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        const blank = isStream ? blankLineIn(chunk) : -1
        sinceBlank = blank < 0 ? sinceBlank + chunk.byteLength : chunk.byteLength - blank
        if (budget) budget.bytes -= chunk.byteLength
        if (sinceBlank <= maxBytes && (!budget || budget.bytes >= 0)) return controller.enqueue(chunk)
        const error = new TooLargeError('The answer is too large')
        budget?.fail(error)
        controller.error(error)
      },
    }),
  )
}

/** Where the last empty line begins, which ends an event; none in compact JSON. A pair split over chunks is found with the next. */
function blankLineIn(chunk: Uint8Array): number {
  for (let at = chunk.lastIndexOf(NEWLINE); at > 0; at = chunk.lastIndexOf(NEWLINE, at - 1)) {
    const before = chunk[at - 1] === 13 ? at - 2 : at - 1
    if (chunk[before] === NEWLINE) return at
  }
  return -1
}
