import type { Who } from '@jan/service-kit/who'

/** Keeps what a model says in answer to a person, in their conversation. */
export type Turn = {
  /** Events of a stream, whole ones, as they pass. */
  take(events: Buffer): void
  /** @returns the answer as the client shall see it */
  keepWhole(answer: Buffer, who: Who): Promise<Buffer>
  /** @returns one more event for the client */
  keepStreamed(who: Who): Promise<Buffer>
  /** Settles when it is kept; rejects when it could not be. */
  readonly kept: Promise<void>
  /** What came before the stream broke, or before the client left. */
  keepBroken(who: Who): Promise<void>
}
