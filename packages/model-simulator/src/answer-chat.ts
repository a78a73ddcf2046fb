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
  const { turn, request, left } = call
  response.setHeaders(new Headers(turn.headers))
  if (turn.delay_ms) await sleep(turn.delay_ms, undefined, { signal: left })
  if ((turn.status || turn.error) && turn.fault !== 'error_event') throw scriptedError(turn)
  const streamed = request.stream === true
  const pieces = streamed ? presentEvents(call) : [presentCompletion(call)]
  response.writeHead(200, { 'content-type': streamed ? 'text/event-stream' : 'application/json' })
  for (const [at, piece] of breakPieces(pieces, turn, streamed).entries()) {
    if (at > 0 && turn.chunk_delay_ms) await sleep(turn.chunk_delay_ms, undefined, { signal: left })
    if (!response.write(piece)) await once(response, 'drain', { signal: left })
  }
  const { socket } = response
  // The empty write makes the reset wait until everything before it has reached the client.
  if (turn.fault === 'reset') socket?.write('', () => socket.resetAndDestroy())
  else if (turn.fault === 'hang') await once(left, 'abort')
  else response.end()
}

/** What is sent under the turn's fault. Before it come `after_chunks` events of a stream, else nothing. */
function breakPieces(pieces: string[], turn: Turn, streamed: boolean): string[] {
  const after = streamed ? (turn.after_chunks ?? 1) : 0
  const before = pieces.slice(0, after)
  const frame = (data: string) => (streamed ? `data: ${data}\n\n` : data)
  switch (turn.fault) {
    case 'reset':
    case 'hang':
      return before
    case 'truncate':
      return [...before, (pieces[after] ?? '').slice(0, 40)]
    case 'garbage':
      return [...before, frame('{"choices":[{'), ...pieces.slice(after)]
    case 'error_event':
      return [...before, frame(JSON.stringify(scriptedError(turn).body))]
    case 'no_done':
      return streamed ? pieces.slice(0, -1) : pieces
    default:
      return pieces
  }
}

const scriptedError = ({ status = 500, error }: Turn) =>
  new OpenAiError(status, `The script asked for status ${status}.`, error)
