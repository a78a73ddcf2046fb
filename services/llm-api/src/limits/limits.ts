import type { Person } from '@jan/service-kit/auth'
import { AppError } from '@jan/service-kit/errors'
import type { Logger } from '@jan/service-kit/logger'
import { createRateLimiter, type RateLimiter, type Verdict } from '@jan/service-kit/rate-limit'
import type { Redis } from '@jan/service-kit/redis'
import { createRemembered } from '../usage/remembered.ts'
import type { LimitedKind, LimitStore } from './limit.store.ts'
import { limitHeaders, tighter } from './limit-headers.ts'
import { createRunningCalls, type RunningCalls } from './running-calls.ts'

/** How many; 0 is no limit. */
export type LimitDefaults = { requestsPerMinute: number; tokensPerMinute: number; concurrentRequests: number }
export type LimitSettings = Record<LimitedKind, LimitDefaults>

/** What a call takes of its limits while it runs. */
export type TakenPlace = {
  headers: Record<string, string>
  /** Frees its place, and counts what it really took in place of what was expected. Once. */
  free(tokens: number): void
}

export type Limits = {
  store: LimitStore
  settings: LimitSettings
  /**
   * A place for a call that is expected to take so many tokens; undefined when nothing limits it. From memory, but for
   * the first call of all. @throws AppError `rate_limited`
   */
  take(caller: Person, model: string, tokens: number): TakenPlace | undefined | Promise<TakenPlace | undefined>
  /** Reads the limits again, after one was changed here; other replicas do so within seconds. */
  changed(): Promise<unknown>
  close(): Promise<void>
}

export type LimitsOptions = {
  settings: LimitSettings
  store: LimitStore
  redis: Redis | undefined
  replica: string
  log: Logger
}

type Limited = { principal: string; what: string } & LimitDefaults
type Parts = { requests: RateLimiter; tokens: RateLimiter; running: RunningCalls }

const FRESH_MS = 5_000
/** Every principal has a limit of its own, so the limiter's has no meaning. */
const POINTS = Number.MAX_SAFE_INTEGER

/** Requests and tokens in a minute and calls at a time, of people, keys and models, over all replicas. */
export function createLimits({ settings, store, redis, replica, log }: LimitsOptions): Limits {
  const limiter = (name: string) =>
    createRateLimiter({ name: `llm-api:${name}`, points: POINTS, seconds: 60, redis, log })
  const parts: Parts = {
    requests: limiter('calls'),
    tokens: limiter('tokens'),
    running: createRunningCalls({ redis, replica, log }),
  }
  const onFailed = (error: unknown) => log.warn({ err: error }, 'limits could not be read; what is known holds')
  const rules = createRemembered({
    read: async () => bySubject(settings, await store.all()),
    freshMs: FRESH_MS,
    onFailed,
  })

  const take = (own: ReadonlyMap<string, LimitDefaults>, caller: Person, model: string, tokens: number) => {
    const limited: Limited[] = []
    const note = (kind: LimitedKind, id: string) => {
      const principal = `${kind}:${id}`
      const limits = own.get(principal) ?? settings[kind]
      if (isSet(limits)) limited.push({ ...limits, principal, what: WHAT[kind] })
    }
    note('user', caller.subject)
    if (caller.keyId !== undefined) note('key', caller.keyId)
    note('model', model)
    return limited.length === 0 ? undefined : takePlace(parts, limited, tokens)
  }

  return {
    store,
    settings,
    changed: rules.refresh,
    take(caller, model, tokens) {
      const own = rules.get()
      return own instanceof Promise
        ? own.then((read) => take(read, caller, model, tokens))
        : take(own, caller, model, tokens)
    },
    close: async () => {
      await Promise.all([parts.requests.close(), parts.tokens.close(), parts.running.close()])
    },
  }
}

const WHAT: Record<LimitedKind, string> = { user: 'you', key: 'this API key', model: 'this model' }

const isSet = (limits: LimitDefaults) =>
  limits.requestsPerMinute > 0 || limits.tokensPerMinute > 0 || limits.concurrentRequests > 0

function bySubject(
  settings: LimitSettings,
  all: Awaited<ReturnType<LimitStore['all']>>,
): ReadonlyMap<string, LimitDefaults> {
  return new Map(
    all.map(({ subject: { kind, id }, requestsPerMinute, tokensPerMinute, concurrentRequests }) => {
      const byDefault = settings[kind]
      const limits = {
        requestsPerMinute: requestsPerMinute ?? byDefault.requestsPerMinute,
        tokensPerMinute: tokensPerMinute ?? byDefault.tokensPerMinute,
        concurrentRequests: concurrentRequests ?? byDefault.concurrentRequests,
      }
      return [`${kind}:${id}`, limits]
    }),
  )
}

/** All of its limits, or none of them: what was taken is given back when one of them refuses. @throws AppError `rate_limited` */
function takePlace({ requests, tokens, running }: Parts, all: Limited[], expected: number): TakenPlace {
  for (const each of all)
    if (each.concurrentRequests > 0 && running.count(each.principal) >= each.concurrentRequests)
      throw tooManyAtOnce(each)
  const undo: (() => void)[] = []
  const takeOf = (limiter: RateLimiter, { principal }: Limited, cost: number, limit: number): Verdict => {
    const verdict = limiter.take(principal, cost, limit)
    if (verdict.allowed) undo.push(() => limiter.correct(principal, -cost, performance.now()))
    else for (const giveBack of undo) giveBack()
    return verdict
  }
  let [left, tokensLeft]: (Verdict | undefined)[] = []
  for (const each of all) {
    if (each.requestsPerMinute > 0) {
      const verdict = takeOf(requests, each, 1, each.requestsPerMinute)
      if (!verdict.allowed) throw tooMany(each, 'requests', verdict, limitHeaders(verdict, tokensLeft))
      left = tighter(left, verdict)
    }
    if (each.tokensPerMinute > 0) {
      const verdict = takeOf(tokens, each, expected, each.tokensPerMinute)
      if (!verdict.allowed) throw tooMany(each, 'tokens', verdict, limitHeaders(left, verdict), expected)
      tokensLeft = tighter(tokensLeft, verdict)
    }
  }
  for (const each of all) if (each.concurrentRequests > 0) running.began(each.principal)
  // Not before: a window may have begun with what was taken just now.
  const takenAt = performance.now()
  return {
    headers: limitHeaders(left, tokensLeft),
    free(taken) {
      for (const each of all) {
        if (each.concurrentRequests > 0) running.ended(each.principal)
        if (each.tokensPerMinute > 0) tokens.correct(each.principal, taken - expected, takenAt)
      }
    },
  }
}

function tooMany(
  { what }: Limited,
  kind: 'requests' | 'tokens',
  verdict: Verdict,
  headers: Record<string, string>,
  wanted = 1,
) {
  const seconds = Math.max(1, Math.ceil(verdict.resetMs / 1000))
  const told =
    wanted > verdict.limit
      ? `This request may take ${wanted} tokens, more than the ${verdict.limit} a minute for ${what}: ask for fewer (max_tokens)`
      : `Too many ${kind}: the limit for ${what} is ${verdict.limit} a minute, try again in ${seconds} s`
  return refused(told, { ...headers, 'retry-after': String(seconds) })
}

const tooManyAtOnce = ({ what, concurrentRequests }: Limited) =>
  refused(`Too many requests at a time: the limit for ${what} is ${concurrentRequests}`, { 'retry-after': '1' })

const refused = (message: string, headers: Record<string, string>) =>
  new AppError('rate_limited', message, { wireCode: 'rate_limit_exceeded', headers })
