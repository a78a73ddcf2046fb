import { Readable } from 'node:stream'
import { AppError, toAppError } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/route'
import type { Deps } from '../deps.ts'
import { noteUpstreamFailure } from '../events.ts'
import type { CompletionAnswer } from '../providers/provider.client.ts'
import type { CompletionPlan } from './plan-completion.ts'
import { relayEvents } from './relay-events.ts'

/** In bytes: room for generated images. */
const LONGEST_ANSWER = 64 * 1024 * 1024

export type Relayed = { status: number; headers: Record<string, string>; body: AsyncIterable<Uint8Array> }

/** Asks the provider and hands its answer on, byte for byte. @throws AppError when it refuses or cannot be reached */
export async function relayCompletion(
  deps: Pick<Deps, 'provider' | 'events'>,
  who: Who,
  { json, stream }: CompletionPlan,
): Promise<Relayed> {
  const answer = await deps.provider
    .complete({ json, stream, requestId: who.requestId, signal: who.signal })
    .catch((error: unknown) => {
      throw noted(deps, error)
    })
  const body = watched(deps, answer, stream ? relayEvents(answer.body) : answer.body)
  return {
    status: answer.status,
    headers: { ...answer.headers, 'content-type': answer.contentType },
    body: stream ? body : await readWhole(body),
  }
}

/** An answer that is not streamed is relayed when all of it is here, the same bytes: half of one would look like success. */
async function readWhole(body: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    size += chunk.length
    if (size > LONGEST_ANSWER) throw new AppError('upstream_failed', 'The answer of the model provider is too long')
  }
  const whole = Buffer.concat(chunks)
  if (!isJson(whole))
    throw new AppError('upstream_failed', 'The model provider answered with something that is not JSON')
  return Readable.from([whole])
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString())
    return true
  } catch {
    return false
  }
}

/** Lets the provider go whenever reading ends, and counts what it did not finish. */
async function* watched(
  deps: Pick<Deps, 'events'>,
  answer: CompletionAnswer,
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch (error) {
    throw noted(deps, error)
  } finally {
    answer.release()
  }
}

function noted(deps: Pick<Deps, 'events'>, error: unknown): AppError {
  const known = toAppError(error)
  if (known.code !== 'client_closed_request') noteUpstreamFailure(deps.events, known.status)
  return known
}
