import { AppError } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Budgets } from '../budgets/budgets.ts'
import type { Limits, TakenPlace } from '../limits/limits.ts'
import type { Deployment, OfferedModel } from '../models/offered-model.ts'
import { costOf } from './call-cost.ts'
import type { CallMetrics } from './call-metrics.ts'
import { type GenAiSpan, startGenAiSpan } from './gen-ai-span.ts'
import type { Ledger } from './ledger.ts'
import type { ModelCall, Operation, Outcome } from './model-call.ts'
import type { PayloadChoices } from './payload-choices.ts'
import type { Usage } from './usage.ts'

export type MeteredCall = {
  operation: Operation
  model: OfferedModel
  /** Of the text that the model is to read. */
  promptBytes: number
  /** Most tokens that it is to answer, when the client said so. */
  maxTokens?: number
  conversationId?: string
  responseId?: string
  projectId?: string
  stream: boolean
}

export type CallResult = {
  outcome: Outcome
  /** As told to the client; 499 when it left. */
  status: number
  usage?: Usage
  /** The usage was counted here, because the provider did not tell it. */
  estimated?: boolean
  /** In how many pieces a stream came. */
  chunks?: number
}

/** One call, from when it was let in to its end. */
export type Metering = {
  /** For the answer: where the client stands with its limits and budgets; empty when there are none. */
  headers: Record<string, string>
  /** Who is asked now, and how many were with this one. Told again at every try: the last one counts. */
  served(deployment: Deployment, attempts: number): void
  firstToken(): void
  /** What is sent or came back, as JSON, for the trace, before the end; called back only when the workspace's owner asked for it and the request is traced. */
  payload(kind: 'input' | 'output', json: () => string): void
  /** Once; later calls are ignored. Frees what was taken, and writes the row off the hot path. */
  end(result: CallResult): void
}

export type Meter = {
  /** Lets a call in, at once when all that is needed is in memory. @throws AppError `rate_limited`, also as `budget_exceeded` */
  begin(who: Who, call: MeteredCall): Metering | Promise<Metering>
  /** Writes what has ended. @throws Error of the database */
  flush(): Promise<void>
}

export type MeterDeps = {
  limits: Pick<Limits, 'take'>
  budgets: Pick<Budgets, 'require' | 'spending'>
  ledger: Pick<Ledger, 'add' | 'flush'>
  payloads: Pick<PayloadChoices, 'mayRecord'>
  metrics: CallMetrics
  now: () => Date
  newCallId: () => string
}

/** Text has about four bytes to a token. */
const BYTES_PER_TOKEN = 4
/** Tokens of an answer whose length nobody said. */
const RESERVE = 256
const NO_HEADERS: Record<string, string> = {}
/** More than any model reads or writes: what clients send is not always a sensible number. */
const MOST_EXPECTED = 100_000_000

/** What a call takes of a limit of tokens until it is known what it took. */
export function expectedTokens({ promptBytes, maxTokens }: Pick<MeteredCall, 'promptBytes' | 'maxTokens'>): number {
  const answer = maxTokens !== undefined && maxTokens >= 0 ? maxTokens : RESERVE
  return Math.min(MOST_EXPECTED, Math.max(1, Math.ceil(promptBytes / BYTES_PER_TOKEN + answer)))
}

export function createMeter(deps: MeterDeps): Meter {
  /** A budget first: who is over it takes nothing of the limits. */
  const begin = (who: Who, call: MeteredCall): Metering | Promise<Metering> => {
    const { caller } = who
    const expected = expectedTokens(call)
    const take = (left: Record<string, string> | undefined): Metering | Promise<Metering> => {
      const place = deps.limits.take(caller, call.model.id, expected)
      return place instanceof Promise
        ? place.then((taken) => open(deps, who, call, taken, left))
        : open(deps, who, call, place, left)
    }
    const left = deps.budgets.require(caller, call.projectId)
    return left instanceof Promise ? left.then(take) : take(left)
  }
  const refused = (error: unknown): never => {
    if (error instanceof AppError && error.code === 'rate_limited')
      deps.metrics.refused(error.extra.wireCode === 'budget_exceeded' ? 'budget' : 'limit')
    throw error
  }
  return {
    begin(who, call) {
      try {
        const metering = begin(who, call)
        return metering instanceof Promise ? metering.catch(refused) : metering
      } catch (error) {
        return refused(error)
      }
    },
    flush: deps.ledger.flush,
  }
}

function open(
  deps: MeterDeps,
  who: Who,
  call: MeteredCall,
  place: TakenPlace | undefined,
  left: Record<string, string> | undefined,
): Metering {
  const startedAt = deps.now().getTime()
  const began = performance.now()
  const span: GenAiSpan | undefined = startGenAiSpan(call)
  let deployment: Deployment | undefined
  let attempts = 0
  let firstTokenMs: number | null = null
  let isEnded = false
  return {
    headers: place ? (left ? { ...place.headers, ...left } : place.headers) : (left ?? NO_HEADERS),
    served(chosen, tried) {
      deployment = chosen
      attempts = tried
      span?.served(chosen, tried)
    },
    firstToken() {
      firstTokenMs ??= Math.round(performance.now() - began)
    },
    payload(kind, json) {
      if (span && deps.payloads.mayRecord(who.caller.workspaceId)) span.payload(kind, json())
    },
    end(result) {
      if (isEnded) return
      isEnded = true
      const durationMs = Math.round(performance.now() - began)
      const row = rowOf(deps, who, call, { result, deployment, attempts, firstTokenMs, durationMs, startedAt })
      place?.free(row.promptTokens + row.completionTokens)
      deps.budgets.spending.add(row)
      deps.ledger.add(row)
      deps.metrics.ended(row, gapMs(row, result.chunks))
      span?.end(row)
    },
  }
}

/** Between two pieces of a stream, on the average; undefined when there were no two. */
const gapMs = ({ firstTokenMs, durationMs }: ModelCall, chunks = 0): number | undefined =>
  firstTokenMs === null || chunks < 2 ? undefined : (durationMs - firstTokenMs) / (chunks - 1)

type Measured = Pick<ModelCall, 'attempts' | 'firstTokenMs' | 'durationMs' | 'startedAt'> & {
  result: CallResult
  deployment: Deployment | undefined
}

const NOTHING: Usage = { promptTokens: 0, completionTokens: 0 }

function rowOf(
  { newCallId }: Pick<MeterDeps, 'newCallId'>,
  { caller, requestId }: Who,
  call: MeteredCall,
  { result: { outcome, status, usage = NOTHING, estimated = false }, deployment, ...measured }: Measured,
): ModelCall {
  return {
    id: newCallId(),
    workspaceId: caller.workspaceId,
    createdBy: caller.subject,
    callerKind: caller.kind,
    keyId: caller.keyId ?? null,
    via: caller.via ?? null,
    requestId,
    conversationId: call.conversationId ?? null,
    responseId: call.responseId ?? null,
    projectId: call.projectId ?? null,
    operation: call.operation,
    stream: call.stream,
    model: call.model.id,
    providerId: deployment?.providerId ?? null,
    providerName: deployment?.providerName ?? null,
    providerModelId: deployment?.modelId ?? null,
    promptTokens: usage.promptTokens,
    completionTokens: usage.completionTokens,
    cachedTokens: usage.cachedTokens ?? 0,
    reasoningTokens: usage.reasoningTokens ?? 0,
    isEstimated: estimated,
    costMicroUsd: deployment && usage !== NOTHING ? costOf(deployment.prices, usage) : 0,
    status,
    outcome,
    ...measured,
  }
}
