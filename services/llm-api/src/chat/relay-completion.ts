import type { PushedBytes } from '@jan/service-kit/answer'
import { AppError, toAppError } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { noteUpstreamFailure } from '../events.ts'
import type { CompletionBody } from '../providers/provider.client.ts'
import type { CompletionPlan } from './plan-completion.ts'
import { createEventSplitter } from './relay-events.ts'

/** In bytes: room for generated images. */
const LONGEST_ANSWER = 64 * 1024 * 1024

export type Relayed = { status: number; headers: Record<string, string>; body: Buffer | PushedBytes }

/** Asks the provider and hands its answer on, byte for byte. @throws AppError when it refuses or cannot be reached */
export async function relayCompletion(
  deps: Pick<Deps, 'provider' | 'events'>,
  who: Who,
  { json, stream }: CompletionPlan,
): Promise<Relayed> {
  try {
    const answer = await deps.provider.complete({ json, stream, requestId: who.requestId, signal: who.signal })
    return {
      status: answer.status,
      headers: { ...answer.headers, 'content-type': answer.contentType },
      body: stream ? relayEvents(deps, answer.body) : await readWhole(answer.body),
    }
  } catch (error) {
    throw noted(deps, error)
  }
}

/** An answer that is not streamed is relayed when all of it is here, the same bytes: half of one would look like success. */
async function readWhole(body: CompletionBody): Promise<Buffer> {
  const whole = await body.whole(LONGEST_ANSWER)
  if (!isObject(whole))
    throw new AppError('upstream_failed', 'The model provider answered with something that is no JSON object')
  return whole
}

const [OPEN, CLOSE, SPACE] = [0x7b, 0x7d, 0x20]

/** By its two ends, which a page of HTML does not have: to read all of it would cost a twentieth of the whole request. */
function isObject(json: Buffer): boolean {
  const first = json.findIndex((byte) => byte > SPACE)
  const last = json.findLastIndex((byte) => byte > SPACE)
  return json[first] === OPEN && json[last] === CLOSE
}

/** Whole events as they come, up to `[DONE]`. */
const relayEvents = (deps: Pick<Deps, 'events'>, body: CompletionBody): PushedBytes => ({
  pushTo: async (sink) => {
    const events = createEventSplitter()
    try {
      await body.pushTo({
        write: (chunk) => {
          const whole = events.take(chunk as Buffer)
          const isFree = whole === undefined || sink.write(whole)
          if (events.isDone()) body.letGo()
          return isFree
        },
        onDrain: sink.onDrain,
      })
      const rest = events.isDone() ? undefined : events.end()
      if (rest) sink.write(rest)
    } catch (error) {
      throw noted(deps, error)
    }
  },
})

function noted(deps: Pick<Deps, 'events'>, error: unknown): AppError {
  const known = toAppError(error)
  if (known.code !== 'client_closed_request') noteUpstreamFailure(deps.events, known.status)
  return known
}
