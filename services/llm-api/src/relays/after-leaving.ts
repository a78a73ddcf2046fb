import { AppError } from '@jan/service-kit/errors'
import type { ProviderBody } from '../providers/provider.client.ts'

/** A provider that is about to end may still tell what it cost; one that goes on is stopped, all within 100 ms, here in ms. */
const PATIENCE_MS = 30
const LONGEST_MS = 70

export type Leaving = {
  /** Says that a chunk has come. Between two chunks nothing is on its way, so that is when to cut. */
  chunkCame(): void
  isOver(): boolean
  /** The reader stayed to the end. */
  settle(): void
}

/** Watches for the client that leaves in the middle of a stream, and then soon ends the provider's answer. */
export function watchLeaving(signal: AbortSignal, body: Pick<ProviderBody, 'flow' | 'drop'>): Leaving {
  let leftAt = 0
  let timer: NodeJS.Timeout | undefined
  const cut = () => body.drop(new AppError('client_closed_request', 'The client went away'))
  const leave = () => {
    leftAt = performance.now()
    timer = setTimeout(cut, LONGEST_MS)
    body.flow()
  }
  if (signal.aborted) leave()
  else signal.addEventListener('abort', leave)
  return {
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
