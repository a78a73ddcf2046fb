import { hash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { answerChat } from './answer-chat.ts'
import { readChatRequest } from './chat-request.ts'
import { demoTurn } from './demo-turn.ts'
import { embed } from './embeddings.ts'
import { presentModels, requireModel } from './model.ts'
import { OpenAiError, parseJson } from './openai-error.ts'
import { createRequestLog, type LoggedRequest } from './request-log.ts'
import { chooseTurn, parseScript, type Turn } from './script.ts'

/** `script` serves requests that bring none; `now` gives milliseconds; the log keeps the last `keep` requests. */
export type SimulatorOptions = { script?: readonly Turn[] | undefined; now?: () => number; keep?: number }
/** `close` stops listening and lets open answers end, for 5 seconds at most. */
export type RunningSimulator = { url: string; port: number; close(): Promise<void> }
type Call = {
  request: IncomingMessage
  response: ServerResponse
  path: string
  entry?: LoggedRequest
  left: AbortSignal
}

const drainMs = 5_000
const loggedBytes = 1_048_576

/** An OpenAI-compatible server that answers from scripts. */
export function createSimulator({ script, now = Date.now, keep = 100 }: SimulatorOptions = {}) {
  const log = createRequestLog(keep)
  const closing = new AbortController()
  const server = createServer({ maxHeaderSize: 65_536, keepAliveTimeout: 75_000 }, serve)

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.split('?')[0] ?? ''
    const entry = path.startsWith('/v1/') ? log.open(request, response) : undefined
    const leaving = new AbortController()
    response.on('close', () => {
      leaving.abort()
      if (closing.signal.aborted && log.present().in_flight === 0) server.closeAllConnections()
    })
    try {
      const answer = await route({ request, response, path, entry, left: leaving.signal })
      if (answer) sendJson(response, 200, answer)
    } catch (error) {
      const given = leaving.signal.aborted || closing.signal.aborted || response.headersSent
      const refusal = error instanceof OpenAiError ? error : new OpenAiError(500, `The simulator failed: ${error}`)
      if (given) response.destroy()
      else sendJson(response, refusal.status, refusal.body)
    }
  }

  async function route(call: Call): Promise<object | undefined> {
    const model = /^\/v1\/models\/(.+)/.exec(call.path)?.[1]
    const operation = `${call.request.method} ${model ? '/v1/models/{id}' : call.path}`
    if (operation === 'GET /healthz') return { status: 'ok' }
    if (operation === 'GET /v1/models') return presentModels()
    if (operation === 'GET /v1/models/{id}') return requireModel(model)
    if (operation === 'GET /simulator/requests') return log.present()
    if (operation === 'DELETE /simulator/requests') return log.clear()
    if (operation === 'POST /v1/embeddings') return embed((await readBody(call)).body)
    if (operation === 'POST /v1/chat/completions') return completeChat(call)
    throw new OpenAiError(404, `Unknown request URL: ${call.request.method} ${call.path}.`, 'unknown_url')
  }

  async function completeChat(call: Call): Promise<undefined> {
    const { raw, body } = await readBody(call)
    const request = readChatRequest(body)
    const header = call.request.headers['x-simulator-script']
    const turns = header ? parseScript(String(header)) : script
    const turn = turns ? chooseTurn(turns, request.messages) : demoTurn(request)
    if (call.entry) call.entry.fault = turn.fault ?? null
    const id = hash('sha256', raw).slice(0, 24)
    // A hanging answer would hold up the drain for nothing.
    const left = turn.fault === 'hang' ? AbortSignal.any([call.left, closing.signal]) : call.left
    await answerChat(call.response, { request, turn, id, created: Math.floor(now() / 1000), left })
  }

  async function close(): Promise<void> {
    closing.abort()
    const force = setTimeout(() => server.closeAllConnections(), drainMs)
    await new Promise((resolve) => server.close(resolve))
    clearTimeout(force)
  }

  return {
    /** Rejects when the port is taken; port 0 takes a free one. */
    async listen(port: number, host: string): Promise<RunningSimulator> {
      await once(server.listen(port, host), 'listening')
      const { port: bound } = server.address() as AddressInfo
      return { url: `http://${host}:${bound}`, port: bound, close }
    },
  }
}

async function readBody({ request, entry }: Call): Promise<{ raw: Buffer; body: unknown }> {
  const raw = await buffer(request)
  const body = parseJson(raw.toString())
  if (entry) entry.body = raw.length <= loggedBytes ? body : `[${raw.length} bytes]`
  requireModel((body as { model?: unknown } | null)?.model)
  return { raw, body }
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
