import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setImmediate as immediately, setTimeout as sleep } from 'node:timers/promises'
import { OpenAiError } from './openai-error.ts'
import { presentEvents, presentWhole, type Reply, type Sending } from './present-reply.ts'
import type { Turn } from './script.ts'

export type Answering = {
  reply: Reply
  turn: Turn
  isStreamed: boolean
  /** Told of what has left this process: tokens of the prompt, and characters that the model wrote. */
  bill: (promptTokens: number, characters: number) => void
  /** Aborts when the client leaves. */
  left: AbortSignal
}

/** Answers as the turn says, with delays and faults. Throws the turn's error. */
export async function answerReply(response: ServerResponse, answering: Answering): Promise<void> {
  const { reply, turn, isStreamed, bill, left } = answering
  response.setHeaders(new Headers(turn.headers))
  if (turn.delay_ms) await sleep(turn.delay_ms, undefined, { signal: left })
  if (turn.fault === 'error_event' ? !isStreamed : turn.status || turn.error) throw scriptedError(turn)
  // Read and thought about, whether or not anybody waits for what comes of it.
  bill(reply.promptTokens, 0)
  const sendings = isStreamed ? presentEvents(reply) : [presentWhole(reply)]
  response.setHeader('content-type', isStreamed ? 'text/event-stream' : 'application/json')
  for (const [at, { text, characters }] of breakSendings(sendings, turn).entries()) {
    if (at > 0 && turn.chunk_delay_ms) await sleep(turn.chunk_delay_ms, undefined, { signal: left })
    // Whether the client is still there: what has arrived meanwhile is read before this goes on.
    if (at > 0 && turn.chunk_delay_ms) await immediately(undefined, { signal: left })
    const sent = (error?: Error | null) => error || bill(reply.promptTokens, characters)
    if (!response.write(text, sent)) await once(response, 'drain', { signal: left })
  }
  const { socket } = response
  // The empty write makes the reset wait until everything before it has reached the client.
  if (turn.fault === 'reset') socket?.write('', () => socket.resetAndDestroy())
  else if (turn.fault !== 'hang') response.end()
}

/** What is sent under the turn's fault; an answer that is not streamed is one sending. */
function breakSendings(sendings: Sending[], turn: Turn): Sending[] {
  const { fault, after_chunks: after = 0 } = turn
  const before = sendings.slice(0, after)
  const broken = (text: string) => ({ text, characters: 0 })
  if (fault === 'reset' || fault === 'hang') return before
  if (fault === 'truncate') return [...before, broken((sendings[after]?.text ?? '').slice(0, 40))]
  if (fault === 'garbage') return [...before, broken('data: {"choices":[{\n\n'), ...sendings.slice(after)]
  if (fault === 'error_event') return [...before, broken(`data: ${JSON.stringify(scriptedError(turn).body)}\n\n`)]
  return fault === 'no_done' ? sendings.slice(0, -1) : sendings
}

const scriptedError = ({ status = 500, error }: Turn) =>
  new OpenAiError(status, `The script asked for status ${status}.`, error)
