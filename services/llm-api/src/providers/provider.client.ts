import { text as textOf } from 'node:stream/consumers'
import type { Secret } from '@jan/service-kit/config'
import { AppError } from '@jan/service-kit/errors'
import { tryParseJson, writeJson } from '@jan/service-kit/json-body'
import { type Dispatcher, errors, Pool } from 'undici'
import { z } from 'zod'
import { passedHeaders } from './passed-headers.ts'
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
  /** Throws AppError when the provider stops before the end. */
  body: AsyncIterable<Buffer>
  /** To be called when no more of the body is wanted: keeps the connection if the body ends soon, else drops it. */
  release(): void
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
const LINGER_MS = 1_000

export function createProviderClient(options: ProviderOptions): ProviderClient {
  const base = new URL(options.baseUrl)
  const prefix = base.pathname.replace(/\/+$/, '')
  const key = options.apiKey?.reveal()
  const pool = new Pool(base.origin, {
    connect: { timeout: options.connectTimeoutMs },
    headersTimeout: options.headTimeoutMs,
    bodyTimeout: options.idleTimeoutMs,
  })

  const send = (request: Omit<Dispatcher.RequestOptions, 'origin' | 'headers'> & { headers: Record<string, string> }) =>
    pool
      .request({
        ...request,
        path: `${prefix}${request.path}`,
        headers: {
          ...request.headers,
          'accept-encoding': 'identity',
          ...(key ? { authorization: `Bearer ${key}` } : {}),
        },
      })
      .then(
        (answer) => {
          // A body that nobody reads any more may still break; without a listener that would end the process.
          answer.body.on('error', () => undefined)
          return answer
        },
        (error: unknown) => {
          throw transportError(error)
        },
      )

  const askForModels = () =>
    send({
      method: 'GET',
      path: '/models',
      headers: { accept: 'application/json' },
      headersTimeout: LIST_TIMEOUT_MS,
      bodyTimeout: LIST_TIMEOUT_MS,
    })

  return {
    complete: async ({ json, stream, requestId, signal }) => {
      const answer = await send({
        method: 'POST',
        path: '/chat/completions',
        signal,
        headers: {
          'content-type': 'application/json',
          accept: stream ? 'text/event-stream' : 'application/json',
          'x-request-id': requestId,
        },
        body: writeJson(json),
      })
      await requireSuccess(answer)
      const contentType = String(answer.headers['content-type'] ?? '').toLowerCase()
      requireReadable(answer, stream ? /^text\/event-stream\b/ : /^application\/([\w.-]+\+)?json\b/, contentType)
      return {
        status: answer.statusCode,
        contentType,
        headers: passedHeaders(answer.headers),
        body: translated(answer.body),
        release: () => letGo(answer.body),
      }
    },
    listModels: async () => {
      const answer = await askForModels()
      await requireSuccess(answer)
      return modelsIn(await bodyText(answer.body, LONGEST_LIST))
    },
    check: async () => {
      const { statusCode: status, body } = await askForModels()
      await body.dump()
      if (status >= 500 || status === 401 || status === 403) throw new Error(`the model provider answered ${status}`)
    },
    close: () => pool.destroy(),
  }
}

async function requireSuccess({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<void> {
  if (statusCode >= 200 && statusCode < 300) return
  // The status is what matters: a refusal whose text does not arrive is still that refusal.
  const text = await bodyText(body, LONGEST_REFUSAL).catch(() => '')
  throw upstreamRefusal({ status: statusCode, headers: passedHeaders(headers), text })
}

function requireReadable(answer: Dispatcher.ResponseData, expected: RegExp, contentType: string): void {
  const encoding = String(answer.headers['content-encoding'] ?? 'identity')
  if (expected.test(contentType) && encoding === 'identity') return
  answer.body.destroy()
  const what = encoding === 'identity' ? contentType || 'without a content type' : `in the encoding ${encoding}`
  throw new AppError('upstream_failed', `The model provider answered ${what}, which was not asked for`)
}

/** The body, with the transport's errors in our words. It stays open when reading stops, for `release`. */
async function* translated(body: Dispatcher.ResponseData['body']): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body.iterator({ destroyOnReturn: false })) yield chunk as Buffer
  } catch (error) {
    throw transportError(error)
  }
}

function letGo(body: Dispatcher.ResponseData['body']): void {
  if (body.closed) return
  const soon = AbortSignal.timeout(LINGER_MS)
  void body.dump({ limit: Number.MAX_SAFE_INTEGER, signal: soon }).catch(() => undefined)
}

/** @throws when the body is longer than `limit` bytes */
async function bodyText(body: Dispatcher.ResponseData['body'], limit: number): Promise<string> {
  let size = 0
  return textOf(
    (async function* () {
      for await (const chunk of body) {
        size += (chunk as Buffer).length
        if (size > limit) throw new AppError('upstream_failed', 'The answer of the model provider is too long')
        yield chunk as Buffer
      }
    })(),
  )
}

function transportError(error: unknown): unknown {
  // Our own errors, and the reason of an aborted signal.
  if (error instanceof AppError) return error
  if (error instanceof errors.HeadersTimeoutError)
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
