import type { ByteSink } from '@jan/service-kit/answer'
import type { Secret } from '@jan/service-kit/config'
import { AppError } from '@jan/service-kit/errors'
import { tryParseJson, writeJson } from '@jan/service-kit/json-body'
import { errors, Pool } from 'undici'
import { z } from 'zod'
import { passedHeaders } from './passed-headers.ts'
import { openCall, type UpstreamAnswer } from './upstream-call.ts'
import { upstreamRefusal } from './upstream-error.ts'

export type ProviderOptions = {
  baseUrl: string
  apiKey: Secret | undefined
  connectTimeoutMs: number
  headTimeoutMs: number
  idleTimeoutMs: number
}

export type CompletionRequest = {
  /** Sent as it is. */
  json: unknown
  stream: boolean
  requestId: string
  signal: AbortSignal
}

/** A 2xx of the content type that was asked for; its body has not been read. */
export type CompletionAnswer = {
  status: number
  contentType: string
  /** Those that concern the client. */
  headers: Record<string, string>
  body: CompletionBody
}

/** Errors are AppErrors: the provider stopped before the end, fell silent, or sent too much. */
export type CompletionBody = {
  whole(limit: number): Promise<Buffer>
  pushTo(sink: ByteSink): Promise<void>
  /** No more is wanted: keeps the connection if the answer ends soon, else drops it. */
  letGo(): void
}

export type ListedModel = { id: string; ownedBy: string; createdAt: Date | undefined }

/** A server that speaks OpenAI's chat completions. Errors are AppErrors, meant for the client. */
export type ProviderClient = {
  complete(request: CompletionRequest): Promise<CompletionAnswer>
  listModels(): Promise<ListedModel[]>
  /** Fails unless the provider answers and takes our key. */
  check(): Promise<void>
  close(): Promise<void>
}

const LIST_TIMEOUT_MS = 10_000
const LONGEST_LIST = 8_388_608
const MOST_MODELS = 5_000
const LONGEST_REFUSAL = 65_536

export function createProviderClient(options: ProviderOptions): ProviderClient {
  const base = new URL(options.baseUrl)
  const prefix = base.pathname.replace(/\/+$/, '')
  const key = options.apiKey?.reveal()
  const pool = new Pool(base.origin, {
    connect: { timeout: options.connectTimeoutMs },
    headersTimeout: options.headTimeoutMs,
    bodyTimeout: options.idleTimeoutMs,
  })

  const common = { 'accept-encoding': 'identity', ...(key ? { authorization: `Bearer ${key}` } : {}) }

  const askForModels = () => {
    const signal = AbortSignal.timeout(LIST_TIMEOUT_MS)
    const headers = { ...common, accept: 'application/json' }
    const request = { method: 'GET', path: `${prefix}/models`, headers } as const
    return openCall(pool, request, { signal, translate: transportError })
  }

  return {
    complete: async ({ json, stream, requestId, signal }) => {
      const headers = {
        ...common,
        'content-type': 'application/json',
        accept: stream ? 'text/event-stream' : 'application/json',
        'x-request-id': requestId,
      }
      const request = { method: 'POST', path: `${prefix}/chat/completions`, headers, body: writeJson(json) } as const
      const answer = await openCall(pool, request, { signal, translate: transportError })
      if (!isSuccess(answer)) throw await refusalOf(answer)
      const contentType = String(answer.headers['content-type'] ?? '').toLowerCase()
      requireReadable(answer, stream ? EVENTS : JSON_TEXT, contentType)
      return { status: answer.status, contentType, headers: passedHeaders(answer.headers), body: answer.body }
    },
    listModels: async () => {
      const answer = await askForModels()
      if (!isSuccess(answer)) throw await refusalOf(answer)
      return modelsIn((await answer.body.whole(LONGEST_LIST)).toString())
    },
    check: async () => {
      const { status, body } = await askForModels()
      await body.whole(LONGEST_LIST)
      if (status >= 500 || status === 401 || status === 403) throw new Error(`the model provider answered ${status}`)
    },
    close: () => pool.destroy(),
  }
}

const EVENTS = /^text\/event-stream\b/
const JSON_TEXT = /^application\/([\w.-]+\+)?json\b/

const isSuccess = ({ status }: UpstreamAnswer) => status >= 200 && status < 300

async function refusalOf({ status, headers, body }: UpstreamAnswer): Promise<AppError> {
  // The status is what matters: a refusal whose text does not arrive is still that refusal.
  const text = await body.whole(LONGEST_REFUSAL).catch(() => '')
  return upstreamRefusal({ status, headers: passedHeaders(headers), text: text.toString() })
}

function requireReadable(answer: UpstreamAnswer, expected: RegExp, contentType: string): void {
  const encoding = String(answer.headers['content-encoding'] ?? 'identity')
  if (expected.test(contentType) && encoding === 'identity') return
  const what = encoding === 'identity' ? contentType || 'without a content type' : `in the encoding ${encoding}`
  const error = new AppError('upstream_failed', `The model provider answered ${what}, which was not asked for`)
  answer.body.drop(error)
  throw error
}

function transportError(error: unknown): unknown {
  // Our own errors, and the reason of an aborted signal.
  if (error instanceof AppError) return error
  if (error instanceof errors.HeadersTimeoutError || (error as Error).name === 'TimeoutError')
    return new AppError('upstream_timeout', 'The model provider took too long to begin its answer', { cause: error })
  if (error instanceof errors.BodyTimeoutError)
    return new AppError('upstream_timeout', 'The model provider fell silent in the middle of its answer', {
      cause: error,
    })
  if (NEVER_ARRIVED.has((error as { code?: string }).code ?? ''))
    return new AppError('upstream_failed', 'The model provider is not reachable', { cause: error })
  return new AppError('upstream_failed', 'The connection to the model provider broke', { cause: error })
}

const NEVER_ARRIVED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
])

const ModelList = z.union([
  z.object({ data: z.array(z.unknown()) }).transform(({ data }) => data),
  // Some servers leave the envelope out.
  z.array(z.unknown()),
])
const ModelEntry = z.object({
  id: z.string().min(1),
  owned_by: z.string().optional().catch(undefined),
  created: z.number().positive().optional().catch(undefined),
})

function modelsIn(text: string): ListedModel[] {
  const list = ModelList.safeParse(tryParseJson(text))
  if (!list.success)
    throw new AppError('upstream_failed', 'The model provider answered with something other than a list of models')
  const byId = new Map<string, ListedModel>()
  for (const entry of list.data.slice(0, MOST_MODELS)) {
    const model = ModelEntry.safeParse(entry)
    if (!model.success) continue
    const { id, owned_by: ownedBy, created } = model.data
    byId.set(id, { id, ownedBy: ownedBy ?? 'unknown', createdAt: created ? new Date(created * 1000) : undefined })
  }
  return [...byId.values()]
}
