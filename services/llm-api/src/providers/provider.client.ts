import type { ByteSink } from '@jan/service-kit/answer'
import { AppError } from '@jan/service-kit/errors'
import { tryParseJson } from '@jan/service-kit/json-body'
import { type Dispatcher, errors, Pool } from 'undici'
import { z } from 'zod'
import { passedHeaders } from './passed-headers.ts'
import { openCall, type Stop, stopAfter, type UpstreamAnswer } from './upstream-call.ts'
import { upstreamFailure, upstreamRefusal, upstreamTimeout } from './upstream-error.ts'

export type ProviderOptions = {
  baseUrl: string
  /** Sent with every request: by which the provider knows us. */
  headers: Readonly<Record<string, string>>
  connectTimeoutMs: number
  /** Longest wait for the head of an answer. */
  headTimeoutMs: number
  /** Longest silence inside an answer. */
  idleTimeoutMs: number
  /** Makes connections, in place of a pool of the client's own: it then belongs to who gives it. */
  dispatcher?: Dispatcher
}

export type ProviderRequest = {
  /** Below the base URL: `/chat/completions`. */
  path: string
  body: string | Buffer
  contentType: string
  /** What may come back; anything else is refused as none of it. */
  accept: Accepted
  requestId: string
  stop: Stop
}

/** `bytes` is whatever is no text of an error: sounds, pictures. */
export type Accepted = 'json' | 'events' | 'bytes'

/** A 2xx of the content type that was asked for; its body has not been read. */
export type ProviderAnswer = {
  status: number
  contentType: string
  /** Those that concern the client. */
  headers: Record<string, string>
  /** Its head says how its end is known. Otherwise the connection just ends, also when something broke. */
  isFramed: boolean
  body: ProviderBody
}

/** Errors are AppErrors: the provider stopped before the end, fell silent, or sent too much. */
export type ProviderBody = {
  /** Settles with the first bytes, or the end. @throws what broke it before */
  begun(): Promise<void>
  /** What has come and was not read yet. */
  held(): Buffer
  whole(limit: number): Promise<Buffer>
  pushTo(sink: ByteSink): Promise<void>
  /** No more is wanted: keeps the connection if the answer ends soon, else drops it. */
  letGo(): void
  /** Reads on, whatever the reader said: it has gone. */
  flow(): void
  /** Cuts the connection. */
  drop(reason: Error): void
}

export type ListedModel = {
  id: string
  ownedBy: string
  createdAt: Date | undefined
  /** All that the provider said of it. */
  entry: Record<string, unknown>
}

/** A server that speaks OpenAI's API. Errors are AppErrors, meant for the client; those of a request are `UpstreamError`s. */
export type ProviderClient = {
  send(request: ProviderRequest): Promise<ProviderAnswer>
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
  const { origin, pathname } = new URL(options.baseUrl)
  const prefix = pathname.replace(/\/+$/, '')
  const pool =
    options.dispatcher ??
    new Pool(origin, {
      connect: { timeout: options.connectTimeoutMs },
      headersTimeout: options.headTimeoutMs,
      bodyTimeout: options.idleTimeoutMs,
    })
  const common = { 'accept-encoding': 'identity', ...options.headers }
  const limits = { headersTimeout: options.headTimeoutMs, bodyTimeout: options.idleTimeoutMs }

  const askForModels = () => {
    const stop = stopAfter(LIST_TIMEOUT_MS, new errors.HeadersTimeoutError())
    const headers = { ...common, accept: 'application/json' }
    const request = { origin, method: 'GET', path: `${prefix}/models`, headers, ...limits } as const
    return openCall(pool, request, { stop, translate: transportError })
  }

  return {
    send: async ({ path, body, contentType, accept, requestId, stop }) => {
      const headers = { ...common, 'content-type': contentType, accept: ACCEPT[accept], 'x-request-id': requestId }
      const request = { origin, method: 'POST', path: `${prefix}${path}`, headers, body, ...limits } as const
      const answer = await openCall(pool, request, { stop, translate: transportError })
      if (!isSuccess(answer)) throw await refusalOf(answer)
      const type = contentTypeOf(answer)
      requireReadable(answer, accept, type)
      return {
        status: answer.status,
        contentType: type,
        headers: passedHeaders(answer.headers),
        body: answer.body,
        isFramed: isFramed(answer),
      }
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
    close: async () => {
      if (!options.dispatcher) await pool.destroy()
    },
  }
}

const ACCEPT: Record<Accepted, string> = { json: 'application/json', events: 'text/event-stream', bytes: '*/*' }
const READABLE: Record<Accepted, RegExp> = {
  json: /^application\/([\w.-]+\+)?json\b/,
  events: /^text\/event-stream\b/,
  bytes: /^(?!text\/html)\S/,
}

/** In lower case, but for its parameters: their values may differ by it. Most are so already. */
function contentTypeOf({ headers }: UpstreamAnswer): string {
  const type = String(headers['content-type'] ?? '')
  return UPPER.test(type) ? type.replace(/^[^;]*/, (name) => name.toLowerCase()) : type
}

const UPPER = /^[^;A-Z]*[A-Z]/

const isFramed = ({ headers }: UpstreamAnswer) =>
  headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined

const isSuccess = ({ status }: UpstreamAnswer) => status >= 200 && status < 300

async function refusalOf({ status, headers, body }: UpstreamAnswer): Promise<AppError> {
  // The status is what matters: a refusal whose text does not arrive is still that refusal.
  const text = await body.whole(LONGEST_REFUSAL).catch(() => '')
  return upstreamRefusal({ status, headers: passedHeaders(headers), text: text.toString() })
}

function requireReadable(answer: UpstreamAnswer, accept: Accepted, contentType: string): void {
  const encoding = String(answer.headers['content-encoding'] ?? 'identity')
  if (READABLE[accept].test(contentType) && encoding === 'identity') return
  const what = encoding === 'identity' ? contentType || 'without a content type' : `in the encoding ${encoding}`
  // It would answer in the same way again, and may take money for it.
  const error = upstreamFailure(`The model provider answered ${what}, which was not asked for`, undefined, 'elsewhere')
  answer.body.drop(error)
  throw error
}

function transportError(error: unknown): unknown {
  // Our own errors, and why a call was stopped.
  if (error instanceof AppError) return error
  if (error instanceof errors.HeadersTimeoutError)
    return upstreamTimeout('The model provider took too long to begin its answer', error)
  if (error instanceof errors.BodyTimeoutError)
    return upstreamTimeout('The model provider fell silent in the middle of its answer', error)
  if (NEVER_ARRIVED.has((error as { code?: string }).code ?? ''))
    return upstreamFailure('The model provider is not reachable', error)
  return upstreamFailure('The connection to the model provider broke', error)
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
const ModelEntry = z.looseObject({
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
    const createdAt = created ? new Date(created * 1000) : undefined
    byId.set(id, { id, ownedBy: ownedBy ?? 'unknown', createdAt, entry: entry as Record<string, unknown> })
  }
  return [...byId.values()]
}
