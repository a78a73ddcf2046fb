import { type Answer, type SseEvent, sse } from '@jan/service-kit/answer'
import { toAppError } from '@jan/service-kit/errors'
import type { WireEvent } from '../runs/run-log.store.ts'

/** The events of a run as they go over the wire; `ended`: when they are of a run that goes on. */
export const streamEvents = (events: AsyncIterable<WireEvent>, ended?: Promise<unknown>): Answer<never> =>
  sse(frames(events), ended ? { work: ended } : {})

async function* frames(events: AsyncIterable<WireEvent>): AsyncGenerator<SseEvent> {
  let next = 0
  try {
    for await (const { sequence, type, data } of events) {
      yield { event: type, data }
      next = sequence + 1
    }
  } catch (error) {
    // What was not stored cannot be told to its end.
    const { code, message } = toAppError(error)
    yield { event: 'error', data: { type: 'error', sequence_number: next, code, message, param: null } }
  }
  yield { data: '[DONE]' }
}
