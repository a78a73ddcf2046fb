import type { IncomingMessage, ServerResponse } from 'node:http'
import { trace } from '@opentelemetry/api'
import type { AccessLog } from './access-log.ts'
import type { Headers } from './answer.ts'
import { AppError, ERRORS, type ErrorPresenter, toAppError } from './errors.ts'
import { requestIdFrom } from './ids.ts'
import type { Logger } from './logger.ts'
import { sendJson } from './send-answer.ts'

export type ExchangeOptions = { log: Logger; accessLog: AccessLog }

export type Served = { operation: string; presentError: ErrorPresenter; path: string }

/**
 * One request and its answer, from the first byte to the last: its id, its line in the log, its place in the metrics.
 * What most requests never need, a logger and a signal of their own, is made when it is asked for.
 */
export class Exchange {
  readonly requestId: string
  readonly presentError: ErrorPresenter
  /** Of the answer, whatever it will be; written once, with its own. */
  readonly headers: Headers
  readonly #options: ExchangeOptions
  readonly #operation: string
  readonly #response: ServerResponse
  #log: Logger | undefined
  #left: AbortController | undefined
  #onLeft: ((reason: AppError) => void) | undefined

  constructor(
    options: ExchangeOptions,
    request: IncomingMessage,
    response: ServerResponse,
    { operation, presentError, path }: Served,
  ) {
    const started = performance.now()
    this.#options = options
    this.#operation = operation
    this.#response = response
    this.presentError = presentError
    this.requestId = requestIdFrom(request.headers['x-request-id'] as string | undefined)
    this.headers = { 'x-request-id': this.requestId }
    trace.getActiveSpan()?.updateName(operation).setAttribute('request.id', this.requestId)
    options.accessLog.began()
    response.once('close', () => {
      const ms = performance.now() - started
      const status = response.writableFinished ? response.statusCode : 499
      if (!response.writableFinished) {
        this.#left?.abort(clientLeft())
        this.#onLeft?.(clientLeft())
      }
      options.accessLog.ended({ requestId: this.requestId, operation, method: request.method, path, status, ms })
    })
  }

  get log(): Logger {
    this.#log ??= this.#options.log.child({ request_id: this.requestId, operation: this.#operation })
    return this.#log
  }

  /** Aborted when the client leaves before its answer is complete. */
  get signal(): AbortSignal {
    if (!this.#left) {
      this.#left = new AbortController()
      if (this.#hasLeft) this.#left.abort(clientLeft())
    }
    return this.#left.signal
  }

  /**
   * `signal` for one listener, and cheaper; undefined stops listening. Called at once when the client has left.
   */
  onLeft(listener: ((reason: AppError) => void) | undefined): void {
    this.#onLeft = listener
    if (listener && this.#hasLeft) listener(clientLeft())
  }

  /** Ends it badly: one line in the log, and the error in the form of its route. */
  fail(error: unknown): void {
    const known = this.#hasLeft ? clientLeft(error) : toAppError(error)
    this.logError(known)
    if (this.#response.headersSent) return void this.#response.destroy()
    sendJson(this.#response, known.status, this.presentError(known, this.requestId), {
      ...this.headers,
      ...known.extra.headers,
    })
  }

  logError({ code, message, extra }: AppError): void {
    const cause = extra.cause === undefined ? {} : { err: extra.cause }
    this.log[ERRORS[code].log]({ code, ...cause }, extra.logMessage ?? message)
  }

  get #hasLeft(): boolean {
    return this.#response.destroyed && !this.#response.writableFinished
  }
}

const clientLeft = (cause?: unknown) => new AppError('client_closed_request', 'The client went away', { cause })
