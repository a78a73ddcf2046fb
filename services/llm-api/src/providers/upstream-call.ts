import type { ByteSink } from '@jan/service-kit/answer'
import { type Dispatcher, errors } from 'undici'
import { upstreamFailure } from './upstream-error.ts'

/** What may wait here for a reader, in bytes. */
const MOST_HELD = 256 * 1024
/** How long an answer that nobody wants any more may take to end by itself, which keeps its connection, in ms. */
const LINGER_MS = 1_000

type Settled = { resolve(): void; reject(error: unknown): void }
/** Says an error of the transport in words for those who asked. */
export type Translate = (error: unknown) => unknown

/**
 * The body of an answer, handed on as the parser finds it: no stream and no promise per chunk, because a relay does
 * nothing else all day. Its connection is held back while a reader is slow.
 */
export class UpstreamBody {
  readonly #controller: Dispatcher.DispatchController
  readonly #held: Buffer[] = []
  #heldBytes = 0
  readonly #translate: Translate
  #sink: ByteSink | undefined
  #settled: Settled | undefined
  #end: { error: unknown } | 'whole' | undefined
  #isUnwanted = false
  #begun: Settled | undefined

  constructor(controller: Dispatcher.DispatchController, translate: Translate) {
    this.#controller = controller
    this.#translate = translate
  }

  /** Settles with the first bytes, or the end. @throws what broke it before */
  begun(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#end && this.#end !== 'whole') return reject(this.#end.error)
      if (this.#end || this.#heldBytes > 0) return resolve()
      this.#begun = { resolve, reject }
    })
  }

  /** What has come and was not read yet. */
  held(): Buffer {
    return this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held)
  }

  /** All of it. @throws AppError `upstream_failed` when it is longer than `limit` bytes, and what broke it */
  whole(limit: number): Promise<Buffer> {
    const chunks: Buffer[] = []
    let size = 0
    const read = this.pushTo({
      write: (chunk) => {
        chunks.push(chunk as Buffer)
        size += chunk.length
        if (size > limit)
          this.drop(upstreamFailure('The answer of the model provider is too long', undefined, 'elsewhere'))
        return true
      },
      onDrain: () => undefined,
    })
    return read.then(() => (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)))
  }

  /** Writes every chunk to the sink, to the end or until `letGo`. @throws what broke the body */
  pushTo(sink: ByteSink): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#settled = { resolve, reject }
      this.#sink = sink
      const held = this.#held.splice(0)
      const isFree = held.length === 0 || sink.write(held.length === 1 ? held[0]! : Buffer.concat(held))
      if (this.#end) this.#settle()
      else if (isFree || this.#isUnwanted) this.#controller.resume()
      else this.#pauseUntilDrained()
    })
  }

  /** No more is wanted: the connection is kept if the answer ends soon, else dropped. */
  letGo(): void {
    if (this.#isUnwanted || this.#end) return
    this.#isUnwanted = true
    this.#settled?.resolve()
    this.#controller.resume()
    setTimeout(() => this.#end ?? this.#controller.abort(new Error('not wanted any more')), LINGER_MS).unref()
  }

  /** Reads on, whatever the reader said: it has gone. */
  flow(): void {
    if (!this.#end) this.#controller.resume()
  }

  /** Cuts the connection. */
  drop(reason: Error): void {
    if (!this.#end) this.#controller.abort(reason)
  }

  receive(chunk: Buffer): void {
    if (this.#isUnwanted) return
    if (this.#sink) this.#write(chunk)
    else {
      this.#held.push(chunk)
      this.#heldBytes += chunk.length
      this.#begun?.resolve()
      if (this.#heldBytes > MOST_HELD) this.#controller.pause()
    }
  }

  finish(): void {
    this.#end = 'whole'
    this.#begun?.resolve()
    this.#settle()
  }

  break(error: unknown): void {
    this.#end = { error: this.#translate(error) }
    this.#begun?.reject(this.#end.error)
    this.#settle()
  }

  #write(chunk: Buffer): void {
    if (this.#isUnwanted || this.#sink!.write(chunk) || this.#isUnwanted) return
    this.#pauseUntilDrained()
  }

  #pauseUntilDrained(): void {
    this.#controller.pause()
    this.#sink!.onDrain(() => this.#controller.resume())
  }

  #settle(): void {
    if (this.#end === 'whole') this.#settled?.resolve()
    else if (this.#end) this.#settled?.reject(this.#end.error)
  }
}

export type UpstreamAnswer = {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: UpstreamBody
}

/** By which a call is ended: what an AbortSignal is, for one listener, and cheaper. */
export type Stop = { reason: unknown; onStop: ((reason: unknown) => void) | undefined }

export function endCall(stop: Stop, reason: Error): void {
  stop.reason = reason
  stop.onStop?.(reason)
}

/** Ends what takes longer. */
export function stopAfter(ms: number, reason: Error): Stop {
  const stop: Stop = { reason: undefined, onStop: undefined }
  setTimeout(endCall, ms, stop, reason).unref()
  return stop
}

/**
 * Sends a request and waits for the head of its answer. When it is stopped, also later, the connection is cut.
 * @throws the reason of that or undici's error, translated; so does the body
 */
export function openCall(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  { stop, translate }: { stop: Stop; translate: Translate },
): Promise<UpstreamAnswer> {
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined
    let body: UpstreamBody | undefined
    let waiting: NodeJS.Timeout | undefined
    const leave = () => {
      controller?.abort(stop.reason as Error)
      reject(translate(stop.reason))
    }
    const over = () => {
      clearTimeout(waiting)
      // The next try may have begun.
      if (stop.onStop === leave) stop.onStop = undefined
    }
    // undici begins its own wait anew with each of them.
    const waitOn = (started: Dispatcher.DispatchController) => {
      if (request.headersTimeout)
        waiting ??= setTimeout(() => started.abort(new errors.HeadersTimeoutError()), request.headersTimeout)
    }
    if (stop.reason) return reject(translate(stop.reason))
    stop.onStop = leave
    dispatcher.dispatch(request, {
      onRequestStart: (started) => {
        controller = started
        if (stop.reason) started.abort(stop.reason as Error)
      },
      onResponseStart: (started, status, headers) => {
        // A provisional answer (1xx) is followed by the real one.
        if (status < 200) return waitOn(started)
        clearTimeout(waiting)
        body = new UpstreamBody(started, translate)
        resolve({ status, headers, body })
      },
      onResponseData: (_controller, chunk) => body?.receive(chunk),
      onResponseEnd: () => {
        over()
        body?.finish()
      },
      onResponseError: (_controller, error) => {
        over()
        if (body) body.break(error)
        else reject(translate(error))
      },
    })
  })
}
