import { type Answer, type SseEvent, sse } from '@jan/service-kit/answer'
import { toAppError } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/route'
import type { RunLog } from '../runs/run-log.store.ts'
import { type RunDeps, runResponse } from '../runs/run-response.ts'
import { planRun } from './plan-run.ts'
import { presentResponse } from './present-response.ts'
import type { CreateResponse, ResponseResource } from './response.schema.ts'

/** Starts a run and listens to it: event by event, or to its end. */
export async function createResponse(
  deps: RunDeps,
  who: Who,
  body: CreateResponse,
): Promise<ResponseResource | Answer<never>> {
  const plan = await planRun(deps, who, body)
  const run = await runResponse(deps, who, plan)
  if (body.stream) return sse(streamEvents(run.log))
  const { record, failure } = await run.ended
  // As long as no tool was called, a failure may be tried again: clients do that by the status.
  if (failure && record.result.executions.length === 0) throw failure
  return presentResponse(record)
}

async function* streamEvents(log: RunLog): AsyncGenerator<SseEvent> {
  let next = 0
  try {
    for await (const { sequence, type, data } of log.read()) {
      yield { event: type, data }
      next = sequence + 1
    }
  } catch (error) {
    // The run could not be stored, and so cannot be told to its end.
    const { code, message } = toAppError(error)
    yield { event: 'error', data: { type: 'error', sequence_number: next, code, message, param: null } }
  }
  yield { data: '[DONE]' }
}
