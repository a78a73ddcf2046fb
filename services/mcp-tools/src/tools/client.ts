import type { InputRequests, InputRequiredResult, LoggingLevel } from '@modelcontextprotocol/server'

/**
 * The client at the other end of one call, and what it can be asked while the call runs. A tool is written once for all
 * revisions: it returns what `ask` makes, and is run again from its start, with the same arguments, when the client has
 * answered. 2026-07-28 sends the call again with the answers; to 2025-x clients the questions go out as requests
 * (elicitation, sampling, roots) on the call's own stream. So nothing that costs anything may come before the asking.
 *
 * ```ts
 * const approved = acceptedContent(call.client.answers, 'approval')
 * if (!approved) return call.client.ask({ approval: inputRequired.elicit({ message, requestedSchema }) }, { hash })
 * if (call.client.state<{ hash: string }>()?.hash !== hash) throw …
 * ```
 */
export type Client = {
  /** What it declared. All false for a 2025-x client that takes JSON only or gave no session id, and for services of ours. */
  can: { elicit: boolean; elicitUrl: boolean; sample: boolean; roots: boolean }
  /** What it answered to the questions of the round before, by their keys. It says what it likes: check it. Undefined in the first round. */
  answers: Record<string, unknown> | undefined
  /** What was handed to `ask` in the round before: verified, from this caller and this tool. Undefined in the first round. */
  state<T>(): T | undefined
  /**
   * The result that puts questions to the client: see `inputRequired.elicit`, `.createMessage`, `.listRoots` of the SDK.
   * `state` (JSON, small, no secrets) comes back with the answers, ten minutes later at most. Only ask what it `can`.
   */
  ask(questions: InputRequests, state?: unknown): Promise<InputRequiredResult>
  /** A log message for the client, when it listens to this level. */
  tell(level: LoggingLevel, data: unknown): Promise<void>
}

/** What the caller wants handed on: the trace it is part of (W3C), and by which key a repeated call is known to be the same. */
export type CallMeta = { traceparent?: string; tracestate?: string; baggage?: string; idempotencyKey?: string }

/** A client that can be asked nothing and hears nothing. */
export const silentClient: Client = {
  can: { elicit: false, elicitUrl: false, sample: false, roots: false },
  answers: undefined,
  state: () => undefined,
  ask: async () => {
    throw new Error('This client cannot be asked anything')
  },
  tell: async () => {},
}
