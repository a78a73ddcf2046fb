import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { OpenAiError } from './openai-error.ts'
import { type ChatCall, presentCompletion, presentEvents } from './present-reply.ts'
import type { Turn } from './script.ts'

/** Answers as the turn says, with delays and faults; `left` aborts when the client leaves. Throws the turn's error. */
export async function answerChat(response: ServerResponse, call: ChatCall, left: AbortSignal): Promise<void> {
  const { turn } = call
  const streamed = call.request.stream === true
  response.setHeaders(new Headers(turn.headers))
  if (turn.delay_ms) await sleep(turn.delay_ms, undefined, { signal: left })
  if (turn.fault === 'error_event' ? !streamed : turn.status || turn.error) throw scriptedError(turn)
  const pieces = streamed ? presentEvents(call) : [presentCompletion(call)]
  response.setHeader('content-type', streamed ? 'text/event-stream' : 'application/json')
  for (const [at, piece] of breakPieces(pieces, turn).entries()) {
    if (at > 0 && turn.chunk_delay_ms) await sleep(turn.chunk_delay_ms, undefined, { signal: left })
    if (!response.write(piece)) await once(response, 'drain', { signal: left })
  }
  const { socket } = response
  // The empty write makes the reset wait until everything before it has reached the client.
  if (turn.fault === 'reset') socket?.write('', () => socket.resetAndDestroy())
  else if (turn.fault !== 'hang') response.end()
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
