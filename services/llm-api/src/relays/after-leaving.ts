import type { AppError } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { ProviderBody } from '../providers/provider.client.ts'
import { endCall, type Stop } from '../providers/upstream-call.ts'

/** A provider that is about to answer, or to end, may still tell what it cost; one that goes on is stopped, all within 100 ms, here in ms. */
const PATIENCE_MS = 30
const LONGEST_MS = 70

export type Leaving = {
  /** Ends the call, soon after the client has left. */
  readonly stop: Stop
  /** From now on this is read, and cut between two chunks: then nothing is on its way. */
  reads(body: Pick<ProviderBody, 'flow'>): void
  chunkCame(): void
  isOver(): boolean
  /** The call has ended. */
  settle(): void
}

/** Watches for a client that leaves before its answer is complete, and then soon ends the provider's. */
export function watchLeaving(who: Pick<Who, 'onLeft'>): Leaving {
  const stop: Stop = { reason: undefined, onStop: undefined }
  let reason: AppError
  let leftAt = 0
  let timer: NodeJS.Timeout | undefined
  let body: Pick<ProviderBody, 'flow'> | undefined
  const cut = () => endCall(stop, reason)
  // Several chunks may have come in one packet: those are read, and nothing else is on its way by then.
  let isSoon = false
  const cutBehind = (defer: (act: () => void) => void) => {
    if (!isSoon) defer(cut)
    isSoon = true
  }
  who.onLeft((why) => {
    reason = why
    leftAt = performance.now()
    // What has arrived while this process was busy is read first.
    timer = setTimeout(cutBehind, LONGEST_MS, setImmediate)
    body?.flow()
  })
  return {
    stop,
    reads: (answer) => {
      body = answer
      if (leftAt > 0) answer.flow()
    },
    chunkCame: () => {
      if (leftAt > 0 && performance.now() - leftAt > PATIENCE_MS) cutBehind(process.nextTick)
    },
    isOver: () => leftAt > 0,
    settle: () => {
      clearTimeout(timer)
      who.onLeft(undefined)
    },
  }
}
