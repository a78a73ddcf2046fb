import type { z } from 'zod'
import type { Answer } from './answer.ts'
import type { Caller, Person, Service } from './auth.ts'
import type { ErrorPresenter } from './errors.ts'
import type { Streamed } from './streamed-body.ts'
import type { Who } from './who.ts'

/** Who may call: nobody is asked, a person (user, guest or key), a service for itself, or anyone with an identity. */
export type AuthMode = 'none' | 'person' | 'service' | 'any'

type CallerOf<A extends AuthMode> = A extends 'person'
  ? Person
  : A extends 'service'
    ? Service
    : A extends 'any'
      ? Caller
      : undefined

/** The body as bytes, unparsed, at most `limit` bytes (else 413). */
export type RawBody = { raw: true; limit: number }
export const rawBody = (limit: number): RawBody => ({ raw: true, limit })
export const isRaw = (body: AnyBody): body is RawBody => 'raw' in body

/** The body as it comes, unread. With a schema for JSON only what is of one of the `types`: all else is read and parsed as JSON. */
export type StreamedBody<J extends z.ZodType | undefined = z.ZodType | undefined> = {
  streamed: true
  json: J
  /** Content types beside JSON, in lower case. */
  types: string[]
}
export const streamedBody = <J extends z.ZodType | undefined = undefined>(
  types: string[] = ['*/*'],
  json: J = undefined as J,
): StreamedBody<J> => ({ streamed: true, json, types })
export const isStreamed = (body: AnyBody): body is StreamedBody => 'streamed' in body
type AnyBody = z.ZodType | RawBody | StreamedBody

/** Whether a request may come without a body: its schema accepts `undefined`. */
export const isOptional = (body: z.ZodType): boolean => body.safeParse(undefined).success

/** What an operation answers beside JSON, for the OpenAPI document. */
export type StreamDoc = { content: string; description: string }
export const streamOf = (content: string, description: string): StreamDoc => ({ content, description })

type Parsed<S> = S extends z.ZodType
  ? z.output<S>
  : S extends RawBody
    ? Buffer
    : S extends StreamedBody<infer J>
      ? Streamed | (J extends z.ZodType ? { json: z.output<J> } : never)
      : undefined
type AnswerDocs = Record<number, z.ZodType | StreamDoc | null>
type Success<A extends AnswerDocs> = { [K in keyof A]: A[K] extends z.ZodType ? z.input<A[K]> : never }[keyof A]

export type RouteInput<A extends AuthMode, P, Q, B> = {
  params: Parsed<P>
  query: Parsed<Q>
  body: Parsed<B>
  /** Names in lower case; several lines of one name are joined by `, `. */
  headers: Readonly<Record<string, string | undefined>>
  /** The client's address; see `ServeOptions.trustedProxies`. */
  address: () => string
  who: Who<CallerOf<A>>
}

/** An operation that is also a tool (`@jan/route-tools`): everything else is taken from the route. */
export type ToolSpec = {
  /** The operation's when absent. */
  name?: string
  /** The name in words when absent. */
  title?: string
  /** What it does and when to use it, for who chooses; summary and description of the route when absent. */
  description?: string
  /** Changes nothing. So does what is got, unless it says otherwise. */
  readonly?: boolean
  /** May take away what is there. So does what deletes, unless it says otherwise. */
  destructive?: boolean
  /** Fields of path, query and body that are not offered. */
  hidden?: string[]
}

export type RouteSpec<A extends AuthMode, P, Q, B, D extends AnswerDocs> = {
  /** snake_case, verb first: OpenAPI's operationId, the metric label, the log field, the span's name. */
  operation: string
  method: 'get' | 'post' | 'put' | 'patch' | 'delete' | 'options'
  /** `{name}` is one segment, `{name+}` may hold slashes. */
  path: `/${string}`
  /** Further paths of the same operation, not documented. */
  aliases?: `/${string}`[]
  summary: string
  description?: string
  auth: A
  /** What a key must be good for (else 403). People with tokens may do everything; without it every key may call. */
  scope?: string
  /**
   * Service → scopes, one of which is enough when that service acts for the caller, beside `scope`: for what belongs to
   * the work that they were let in for there.
   */
  scopeVia?: Readonly<Record<string, readonly string[]>>
  /** What a person, or the person of a key, must be (else 403). */
  role?: string
  params?: P
  query?: Q
  body?: B
  /** Largest JSON body in bytes; the service's own limit when absent. */
  bodyLimit?: number
  /** Status → shape. `null`: no body. */
  answers: D
  presentError?: ErrorPresenter
  tool?: ToolSpec
  /**
   * Makes a stored thing: an `Idempotency-Key` is honoured, so that a retry never makes a second one (see `Who.newId`).
   * A function says for which requests; with the others the header is ignored.
   */
  idempotent?: boolean | ((input: RouteInput<A, P, Q, B>) => boolean)
  /**
   * With `idempotent`, for answers that are streams: answers a retry from what the first request stored,
   * under the ids of `who.newId`. @throws AppError `conflict` while there is nothing to tell yet
   */
  replay?: (input: RouteInput<A, P, Q, B>) => Promise<Answer<never>>
  handler: (
    input: RouteInput<A, P, Q, B>,
  ) => Promise<Success<D> | Answer<Success<D>> | Answer<never>> | Success<D> | Answer<Success<D>> | Answer<never>
}

/** A route with its types forgotten: what the app, OpenAPI and the tests list. */
export type Route = Omit<
  RouteSpec<AuthMode, z.ZodType | undefined, z.ZodType | undefined, AnyBody | undefined, AnswerDocs>,
  'handler' | 'idempotent' | 'replay'
> & {
  handler: (input: never) => unknown
  idempotent?: boolean | ((input: never) => boolean)
  replay?: (input: never) => Promise<unknown>
}

/** Declares one endpoint. The handler's input and result are typed from the schemas beside it. */
export const route = <
  A extends AuthMode,
  D extends AnswerDocs,
  P extends z.ZodType | undefined = undefined,
  Q extends z.ZodType | undefined = undefined,
  B extends AnyBody | undefined = undefined,
>(
  spec: RouteSpec<A, P, Q, B, D>,
): Route => spec as unknown as Route

/** Gives a group of routes its own way to show errors. */
export const presentErrorsAs = (presentError: ErrorPresenter, routes: Route[]): Route[] =>
  routes.map((each) => ({ ...each, presentError }))
