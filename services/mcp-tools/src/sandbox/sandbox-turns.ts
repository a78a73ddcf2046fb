import { createTurns, type Turns } from '../tools/turns.ts'
import { SandboxBusy, SandboxUnavailable } from './sandbox-errors.ts'

export type LineLimits = {
  /** Programs that may wait for their turn, those of one person among them, and how long they do. */
  maxQueue: number
  maxQueueOfOne?: number
  longestWaitMs?: number
}

export const createSandboxTurns = (atOnce: number, { maxQueue, maxQueueOfOne, longestWaitMs }: LineLimits): Turns =>
  createTurns(
    atOnce,
    maxQueue,
    {
      busy: (waiting) => new SandboxBusy(`${waiting} programs are waiting already`),
      closed: () => new SandboxUnavailable('The sandbox is closed'),
    },
    { maxWaitingOfOne: maxQueueOfOne, longestWaitMs },
  )
