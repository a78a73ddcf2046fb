import type { Answer } from '@jan/service-kit/answer'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { endLostRun } from '../runs/end-lost-run.ts'
import { type RunDeps, runResponse } from '../runs/run-response.ts'
import { planRun, type RunPlan } from './plan-run.ts'
import { cameToNothing, presentResponse, type ResponseRecord } from './present-response.ts'
import { replayResponse } from './replay-response.ts'
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
  if (earlier) return presentResponse(earlier)
  const run = await runResponse(deps, who, plan)
  if (plan.stream) return streamEvents(run.log.read(), run.ended)
  const { record, failure } = await run.ended
  // A failure may be tried again, and clients do that by the status.
  if (cameToNothing(record)) throw failure ?? who.signal.reason
  return presentResponse(record)
}

/** @returns what an earlier try of this request has left instead, unless that came to nothing */
async function storeOrFind(
  deps: Pick<Deps, 'responses' | 'runLogs' | 'clock' | 'newId'>,
  who: Who,
  { record, input, stream }: RunPlan,
): Promise<ResponseRecord | undefined> {
  const { workspaceId, subject: createdBy } = who.caller
  if (await deps.responses.create({ workspaceId, createdBy }, record, input)) return undefined
  const earlier = await deps.responses.find(workspaceId, record.id)
  if (!earlier) throw new Error(`${record.id} is taken, but not by this workspace`)
  const isLost = earlier.status === 'in_progress'
  // What came to nothing in a stream was told in that stream.
  if (!isLost && (stream || !cameToNothing(earlier))) return earlier
  record.epoch = await deps.responses.takeOver(workspaceId, record.id)
  const ended = isLost && (await endLostRun(deps, workspaceId, { ...earlier, epoch: record.epoch }))
  if (ended) return ended
  await deps.responses.startAgain(record)
  return undefined
}
