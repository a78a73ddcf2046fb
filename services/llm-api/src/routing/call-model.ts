import { tryParseJson } from '@jan/service-kit/json-body'
import type { Deps } from '../deps.ts'
import { noteAttempt, noteCooling } from '../events.ts'
import type { Deployment, OfferedModel } from '../models/offered-model.ts'
import type { Accepted, ProviderAnswer } from '../providers/provider.client.ts'
import type { Stop } from '../providers/upstream-call.ts'
import { UpstreamError, upstreamFailure, upstreamRefusal, upstreamTimeout } from '../providers/upstream-error.ts'
import type { Metering } from '../usage/metering.ts'
import { chooseDeployments } from './choose-deployments.ts'

export type ModelCall = {
  model: OfferedModel
  /** Below a provider's base URL. */
  path: string
  accept: Accepted
  contentType: string
  /** Differs by place: each has its own name for the model. */
  bodyFor: (deployment: Deployment) => string | Buffer
  /** Told of every try. */
  metering: Pick<Metering, 'served'>
  requestId: string
  stop: Stop
}

export type Served = {
  deployment: Deployment
  attempts: number
  /** Nobody has seen anything of it yet; its first bytes are here, or all of it. */
  answer: ProviderAnswer
  /** Of JSON, whatever was accepted; otherwise empty. */
  whole: Buffer
}

export type RoutingSettings = {
  /** Of one request, at all places together. */
  mostAttempts: number
  /** Longest wait for the first bytes of a stream, in ms. */
  firstTokenMs: number
  /** Longest wait before another try, in ms; who is asked to wait longer gives up at once. */
  longestWaitMs: number
}

type Needs = Pick<Deps, 'providers' | 'health' | 'routing' | 'models' | 'events' | 'log' | 'random'>

/** In bytes: room for generated images. */
const LONGEST_ANSWER = 64 * 1024 * 1024
const FIRST_WAIT_MS = 200
/** Of providers' answers: half of such a one is worth nothing, so it is waited for. */
const JSON_TYPE = /^application\/([\w.-]+\+)?json\b/

/**
 * Asks one place after another until one answers: each that is left once, then again after a pause those where it may
 * help. What a client did wrong is told at once. A request that is too long for the model goes to its longer one.
 * @throws AppError of the last try, with `x-jan-attempts`
 */
export async function callModel(deps: Needs, call: ModelCall): Promise<Served> {
  const tries = { attempts: 0 }
  try {
    return await tryAll(deps, call, tries)
  } catch (error) {
    if (!(error instanceof UpstreamError) || !error.isTooLong || !call.model.longer) throw error
    const longer = await deps.models.find(call.model.longer)
    if (!longer) throw error
    return tryAll(deps, { ...call, model: longer }, tries)
  }
}

async function tryAll(deps: Needs, call: ModelCall, tries: { attempts: number }): Promise<Served> {
  const { deployments, isDesperate } = chooseDeployments(call.model.deployments, deps.health, deps.random)
  const most = isDesperate ? tries.attempts + 1 : deps.routing.mostAttempts
  let [now, later]: [Deployment[], Deployment[]] = [[...deployments], []]
  for (let round = 0; ; ) {
    const deployment = now.shift()!
    tries.attempts += 1
    call.metering.served(deployment, tries.attempts)
    try {
      const served = await ask(deps, call, deployment)
      noteAttempt(deps.events, deployment, 'ok')
      deps.health.succeeded(deployment.id)
      return { deployment, attempts: tries.attempts, answer: served.answer, whole: served.whole }
    } catch (error) {
      const known = requireRetryable(deps, deployment, error, tries.attempts)
      if (known.retry === 'here') later.push(deployment)
      if (tries.attempts >= most) throw known
      if (now.length > 0) continue
      if (later.length === 0) throw known
      const waitMs = waitOf(known, round, deps.random)
      if (waitMs > deps.routing.longestWaitMs) throw known
      await pause(waitMs, call.stop)
      ;[now, later] = [later, []]
      round += 1
    }
  }
}

async function ask(deps: Needs, call: ModelCall, deployment: Deployment): Promise<Pick<Served, 'answer' | 'whole'>> {
  const { path, accept, contentType, requestId, stop } = call
  const client = deps.providers.client(deployment.providerId)
  // Removed a moment ago.
  if (!client) throw new UpstreamError('upstream_failed', 'The model provider is gone', {}, { retry: 'elsewhere' })
  const body = call.bodyFor(deployment)
  const answer = await client.send({ path, accept, contentType, body, requestId, stop })
  if (JSON_TYPE.test(answer.contentType))
    return { answer, whole: requireObject(await answer.body.whole(LONGEST_ANSWER), answer.isFramed) }
  await begun(answer, deps.routing.firstTokenMs)
  if (accept === 'events') requireGoodBegin(answer)
  return { answer, whole: NOTHING }
}

async function begun({ body }: ProviderAnswer, firstTokenMs: number): Promise<void> {
  const late = () => body.drop(upstreamTimeout('The model provider took too long to begin its answer'))
  const timer = setTimeout(late, firstTokenMs)
  await body.begun().finally(() => clearTimeout(timer))
}

/** A stream that begins with a failure is a refusal that came with the wrong status: the right one can still be told. */
function requireGoodBegin({ headers, body }: ProviderAnswer): void {
  const [, text] = FAILED_AT_ONCE.exec(body.held().toString()) ?? []
  if (!text) return
  const told = tryParseJson(text) as { error: { code?: unknown; status?: unknown } | string } | undefined
  const said = typeof told?.error === 'object' ? Number(told.error.status ?? told.error.code) : Number.NaN
  const refusal = upstreamRefusal({ status: said >= 400 && said < 600 ? said : 500, headers, text })
  body.drop(refusal)
  throw refusal
}

/** The whole first event, after comments, is an error and nothing else. */
const FAILED_AT_ONCE =
  /^(?:\s|:.*[\r\n])*(?:event: *error[\r\n]+)?data: *(\{\s*"error"\s*:\s*[{"].*\})(?:\r\n|\r|\n){2}/

const NOTHING = Buffer.alloc(0)

/** Notes what went wrong. @throws what no other try can mend */
function requireRetryable(deps: Needs, deployment: Deployment, error: unknown, attempts: number): UpstreamError {
  if (!(error instanceof UpstreamError)) throw error
  error.extra.headers = { ...error.extra.headers, 'x-jan-attempts': String(attempts) }
  noteAttempt(deps.events, deployment, error.retry === 'never' ? 'refused' : 'failed')
  if (error.retry === 'never') throw error
  const isAskedToWait = error.status === 429 ? error.retryAfterMs : undefined
  if (deps.health.failed(deployment.id, isAskedToWait)) noteCooling(deps.events, deps.log, deployment, error)
  return error
}

/** What the provider asked for, else twice as long each round; spread, so that those who failed together part. */
function waitOf({ retryAfterMs }: UpstreamError, round: number, random: () => number): number {
  const ms = FIRST_WAIT_MS * 2 ** round
  return Math.max(retryAfterMs ?? 0, ms * (0.5 + random() / 2))
}

/** @throws the reason of `stop`, as soon as it is stopped */
function pause(ms: number, stop: Stop): Promise<void> {
  return new Promise((resolve, reject) => {
    if (stop.reason) return reject(stop.reason)
    const timer = setTimeout(() => {
      stop.onStop = undefined
      resolve()
    }, ms)
    stop.onStop = (reason) => {
      clearTimeout(timer)
      reject(reason)
    }
  })
}

/** For the answer: who served, and how often we tried. */
export const servedBy = ({ deployment, attempts }: Served): Record<string, string> => ({
  'x-jan-provider': encodeURI(deployment.providerName),
  'x-jan-attempts': String(attempts),
})

/**
 * By its two ends, which a page of HTML does not have: to read all of it would cost a twentieth of the whole request.
 * Only what may have broken off unnoticed is read.
 */
function requireObject(json: Buffer, isFramed: boolean): Buffer {
  const first = json.findIndex((byte) => byte > SPACE)
  const last = json.findLastIndex((byte) => byte > SPACE)
  const hasEnds = json[first] === OPEN && json[last] === CLOSE
  if (hasEnds && (isFramed || tryParseJson(json.toString()) !== undefined)) return json
  throw upstreamFailure('The model provider answered with something that is no JSON object')
}

const [OPEN, CLOSE, SPACE] = [0x7b, 0x7d, 0x20]
