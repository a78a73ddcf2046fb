import { AppError } from '@jan/service-kit/errors'
import type { Held } from './run-log.store.ts'

/** A run that is ours until its signal aborts: then somebody else has it, or its log cannot be written. */
export type OwnRun = Held & {
  signal: AbortSignal
  /** The number of its next event: after a claim it is set behind those that are in the log. */
  next: number
  /** Events that are appended and not committed. */
  pending: number
  /** Until then nobody else can have it; of `performance.now()`, which goes on while the process is frozen. */
  leaseEnd: number
  lose(why: string): void
}

export function createOwnRun(
  { id, epoch }: Held,
  leaseEnd: number,
  onLost: (run: OwnRun, why: string) => void,
): OwnRun {
  const lost = new AbortController()
  const run: OwnRun = {
    id,
    epoch,
    signal: lost.signal,
    next: 0,
    pending: 0,
    leaseEnd,
    lose: (why) => {
      if (lost.signal.aborted) return
      lost.abort(new AppError('conflict', `The run ${id} goes on elsewhere`))
      onLost(run, why)
    },
  }
  return run
}
