import type { Answer } from '@jan/service-kit/answer'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { type RunDeps, runResponse } from '../runs/run-response.ts'
import { planRun, type RunPlan } from './plan-run.ts'
import { cameToNothing, presentResponse, type ResponseRecord } from './present-response.ts'
import { replayResponse } from './replay-response.ts'
import { requireEnded } from './require-ended.ts'
import type { CreateResponse, ResponseResource } from './response.schema.ts'
import { streamEvents } from './stream-events.ts'

/** Starts a run and listens to it: event by event, or to its end. */
export async function createResponse(
  deps: RunDeps,
  who: Who,
  body: CreateResponse,
): Promise<ResponseResource | Answer<never>> {
  const plan = await planRun(deps, who, body)
  const earlier = plan.store ? await storeOrFind(deps, who, plan) : undefined
  if (earlier && plan.stream) return replayResponse(deps, who, earlier.id)
  if (earlier) {
    requireEnded(earlier)
    return presentResponse(earlier)
  }
  const run = await runResponse(deps, who, plan)
  if (plan.stream) return streamEvents(run.log.read())
  const { record, failure } = await run.ended
  // A failure may be tried again, and clients do that by the status.
  if (cameToNothing(record)) throw failure ?? who.signal.reason
  return presentResponse(record)
}

/** @returns what an earlier try of this request has left instead, unless that came to nothing */
async function storeOrFind(
  deps: Pick<Deps, 'responses'>,
  who: Who,
  plan: RunPlan,
): Promise<ResponseRecord | undefined> {
  const { workspaceId, subject: createdBy } = who.caller
  while (!(await deps.responses.create({ workspaceId, createdBy }, plan.record, plan.input))) {
    const earlier = await deps.responses.find(workspaceId, plan.record.id)
    if (!earlier) throw new Error(`${plan.record.id} is taken, but not by this workspace`)
    // What came to nothing in a stream was told in that stream.
    if (plan.stream || !cameToNothing(earlier)) return earlier
    await deps.responses.discard(workspaceId, plan.record.id)
  }
  return undefined
}
