import type { IncomingMessage, ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { type Served, serve } from '@jan/testkit/serve'
import type { FaultKind } from './fault-kinds.ts'

/** What the upstream knows of one call. */
export type LedgerEntry = { marker: string; whole: boolean }

export type EchoUpstream = Served & {
  ledger: LedgerEntry[]
  /** Resets every answer half-way: those under way at once, and those that begin while it lasts. */
  resets: FaultKind
}

export const MODEL = 'echo'
const PIECES = 12
const PIECE_MS = 15

/** The one right answer to a marker, in pieces. */
export const piecesOf = (marker: string): string[] =>
  Array.from({ length: PIECES }, (_, index) => `${index === 0 ? '' : ' '}${marker}/${index}`)

/** A model provider that answers with the marker that it was sent, and keeps its own ledger. */
export async function startEchoUpstream(): Promise<EchoUpstream> {
  const ledger: LedgerEntry[] = []
  const underWay = new Set<ServerResponse>()
  let isResetting = false
  const reset = (response: ServerResponse) => void response.socket?.resetAndDestroy()

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.url === '/v1/models') return send(response, { object: 'list', data: [{ id: MODEL, object: 'model' }] })
    const { messages, stream } = (await json(request)) as { messages: { content: string }[]; stream?: boolean }
    const marker = messages.at(-1)!.content
    const entry = { marker, whole: false }
    ledger.push(entry)
    underWay.add(response)
    if (stream) response.writeHead(200, { 'content-type': 'text/event-stream' })
    const pieces = piecesOf(marker)
    for (const [index, content] of pieces.entries()) {
      await pause(PIECE_MS)
      if (response.destroyed || (isResetting && index === PIECES / 2)) return reset(response)
      if (stream) response.write(chunk({ delta: { content }, finish_reason: null }))
    }
    underWay.delete(response)
    if (stream) response.end(`${chunk({ delta: {}, finish_reason: 'stop' })}data: [DONE]\n\n`)
    else send(response, completion(pieces.join('')))
    entry.whole = true
  }

  const served = await serve((request, response) => void answer(request, response))
  return {
    ...served,
    ledger,
    resets: {
      name: 'upstream reset',
      lasts: [200, 800],
      hits: 'all',
      strike: async () => {
        isResetting = true
        for (const response of underWay) reset(response)
        underWay.clear()
        return () => {
          isResetting = false
        }
      },
    },
  }
}

const send = (response: ServerResponse, value: unknown) =>
  void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))

const chunk = (choice: object) =>
  `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: MODEL, choices: [{ index: 0, ...choice }] })}\n\n`

const completion = (content: string) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: MODEL,
  choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: PIECES, total_tokens: PIECES + 1 },
})
