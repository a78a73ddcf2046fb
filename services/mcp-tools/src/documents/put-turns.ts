import { unavailable } from '@jan/service-kit/errors'
import { createTurns, type Turns } from '../tools/turns.ts'

/** Who waits holds no connection. */
export type PutTurns = {
  /** One at a time of a workspace. @throws AppError `unavailable` when too many wait */
  ofWorkspace<T>(workspaceId: string, run: () => Promise<T>): Promise<T>
  /** A few at a time of all. @throws AppError `unavailable` when too many wait */
  ofAll<T>(run: () => Promise<T>): Promise<T>
}

const MOST_AT_ONCE = 4
const MOST_WAITING = 1000
const MOST_WAITING_IN_WORKSPACE = 200

const busy = () => unavailable('Too many documents are being indexed right now')
const refusal = { busy, closed: busy }

/** @param connections of the pool: documents never take more than half of them */
export function createPutTurns(connections: number): PutTurns {
  const all = createTurns(Math.max(1, Math.min(MOST_AT_ONCE, Math.floor(connections / 2))), MOST_WAITING, refusal)
  const workspaces = new Map<string, Turns>()
  return {
    ofWorkspace: async (workspaceId, run) => {
      const turns = workspaces.get(workspaceId) ?? createTurns(1, MOST_WAITING_IN_WORKSPACE, refusal)
      workspaces.set(workspaceId, turns)
      try {
        return await turns.during(undefined, run)
      } finally {
        if (turns.taken() === 0) workspaces.delete(workspaceId)
      }
    },
    ofAll: (run) => all.during(undefined, run),
  }
}
