import type { ProviderBody } from '../providers/provider.client.ts'

/** A provider that is about to answer, or to end, may still tell what it cost; one that goes on is stopped, all within 100 ms, here in ms. */
const PATIENCE_MS = 30
const LONGEST_MS = 70

export type Leaving = {
  /** Ends the call, soon after the client has left. */
  readonly signal: AbortSignal
  /** From now on this is read, and cut between two chunks: then nothing is on its way. */
  reads(body: Pick<ProviderBody, 'flow'>): void
  chunkCame(): void
  isOver(): boolean
  /** The call has ended. */
  settle(): void
}

/** Watches for a client that leaves before its answer is complete, and then soon ends the provider's. */
export function watchLeaving(signal: AbortSignal): Leaving {
  const ending = new AbortController()
  let leftAt = 0
  let timer: NodeJS.Timeout | undefined
  let body: Pick<ProviderBody, 'flow'> | undefined
  const cut = () => ending.abort(signal.reason)
  // What has arrived while this process was busy is read first.
  const cutSoon = () => setImmediate(cut)
  const leave = () => {
    leftAt = performance.now()
    timer = setTimeout(cutSoon, LONGEST_MS)
    body?.flow()
  }
  if (signal.aborted) leave()
  else signal.addEventListener('abort', leave)
  return {
    signal: ending.signal,
    reads: (answer) => {
      body = answer
      if (leftAt > 0) answer.flow()
    },
    chunkCame: () => {
      if (leftAt > 0 && performance.now() - leftAt > PATIENCE_MS) cut()
    },
    isOver: () => leftAt > 0,
    settle: () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', leave)
    },
  }
}
