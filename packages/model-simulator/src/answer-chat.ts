import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChatRequest } from './chat-request.ts'
import { OpenAiError } from './openai-error.ts'
import { presentCompletion, presentEvents } from './present-reply.ts'
import type { Turn } from './script.ts'

/** `id` stands in every identifier; `created` is in seconds; `left` aborts when nobody waits for the answer any more. */
export type ChatCall = { request: ChatRequest; turn: Turn; id: string; created: number; left: AbortSignal }

/** Answers one chat completion as its turn says, with delays and faults. Throws the error that the turn asks for. */
export async function answerChat(response: ServerResponse, call: ChatCall): Promise<void> {
  const { turn, left } = call
  const streamed = call.request.stream === true
  response.setHeaders(new Headers(turn.headers))
  if (turn.delay_ms) await sleep(turn.delay_ms, undefined, { signal: left })
  if (turn.status || turn.error) if (!streamed || turn.fault !== 'error_event') throw scriptedError(turn)
  const pieces = streamed ? presentEvents(call) : [presentCompletion(call)]
  response.setHeader('content-type', streamed ? 'text/event-stream' : 'application/json')
  for (const [at, piece] of breakPieces(pieces, turn).entries()) {
    if (at > 0 && turn.chunk_delay_ms) await sleep(turn.chunk_delay_ms, undefined, { signal: left })
    if (!response.write(piece)) await once(response, 'drain', { signal: left })
  }
  const { socket } = response
  // The empty write makes the reset wait until everything before it has reached the client.
  if (turn.fault === 'reset') socket?.write('', () => socket.resetAndDestroy())
  else if (turn.fault === 'hang') await once(left, 'abort')
  else response.end()
}

/** What is sent under the turn's fault; an answer that is not streamed is one piece. */
function breakPieces(pieces: string[], turn: Turn): string[] {
  const { fault, after_chunks: after = 0 } = turn
  const before = pieces.slice(0, after)
  if (fault === 'reset' || fault === 'hang') return before
  if (fault === 'truncate') return [...before, (pieces[after] ?? '').slice(0, 40)]
  if (fault === 'garbage') return [...before, 'data: {"choices":[{\n\n', ...pieces.slice(after)]
  if (fault === 'error_event') return [...before, `data: ${JSON.stringify(scriptedError(turn).body)}\n\n`]
  return fault === 'no_done' ? pieces.slice(0, -1) : pieces
}

const scriptedError = ({ status = 500, error }: Turn) =>
  new OpenAiError(status, `The script asked for status ${status}.`, error)
