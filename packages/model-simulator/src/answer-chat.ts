import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChatRequest } from './chat-request.ts'
import { OpenAiError } from './openai-error.ts'
import { presentCompletion, presentEvents } from './present-reply.ts'
import type { Turn } from './script.ts'

/** `id` stands in every identifier; `created` is in seconds; `left` aborts when nobody waits for the answer any more. */
export type ChatCall = { request: ChatRequest; turn: Turn; id: string; created: number; left: AbortSignal }

/** Answers one chat completion as its turn says: an error, a JSON answer or a stream, with delays and faults. */
export async function answerChat(response: ServerResponse, call: ChatCall): Promise<void> {
  const { turn, request, left } = call
  if (turn.delay_ms) await sleep(turn.delay_ms, undefined, { signal: left })
  const html = turn.fault === 'html'
  const failed = html || (turn.fault !== 'error_event' && Boolean(turn.status ?? turn.error))
  const streamed = request.stream === true && !failed
  const type = html ? 'text/html' : streamed ? 'text/event-stream' : 'application/json'
  response.writeHead(failed ? (turn.status ?? (html ? 502 : 500)) : 200, { 'content-type': type, ...turn.headers })
  const whole = () =>
    html ? '<html><h1>Bad Gateway</h1></html>' : failed ? presentFailure(turn) : presentCompletion(call)
  const pieces = breakPieces(streamed ? presentEvents(call) : [whole()], turn, streamed)
  for (const [at, piece] of pieces.entries()) {
    if (at > 0 && turn.chunk_delay_ms) await sleep(turn.chunk_delay_ms, undefined, { signal: left })
    if (!response.write(piece)) await once(response, 'drain', { signal: left })
  }
  const { socket } = response
  // The empty write makes the reset wait until everything before it has reached the client.
  if (turn.fault === 'reset') socket?.write('', () => socket.resetAndDestroy())
  else if (turn.fault === 'hang') await sleep(2 ** 31 - 1, undefined, { signal: left })
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
      return [...before, frame(presentFailure(turn))]
    case 'no_done':
      return streamed ? pieces.slice(0, -1) : pieces
    default:
      return pieces
  }
}

function presentFailure({ status = 500, error }: Turn): string {
  const standard = new OpenAiError(status, `The script asked for status ${status}.`).body.error
  return JSON.stringify({ error: { ...standard, ...error } })
}
