import { hash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerChat } from './answer-chat.ts'
import { readChatRequest } from './chat-request.ts'
import { demoTurn } from './demo-turn.ts'
import { embed } from './embeddings.ts'
import { model, requireModel } from './model.ts'
import { OpenAiError, parseJson } from './openai-error.ts'
import { createRequestLog, type LoggedRequest } from './request-log.ts'
import { chooseTurn, parseScript, type Turn } from './script.ts'

/** `script` serves requests that bring none; `now` gives milliseconds. */
export type SimulatorOptions = { script?: readonly Turn[] | undefined; now?: () => number }
/** `close` stops listening and breaks off open answers. */
export type RunningSimulator = { url: string; port: number; close(): Promise<void> }
type Call = { request: IncomingMessage; response: ServerResponse; entry: LoggedRequest }

const loggedBytes = 1_048_576

/** An OpenAI-compatible server that answers from scripts. `listen` rejects when the port is taken; port 0 is a free one. */
export function createSimulator({ script, now = Date.now }: SimulatorOptions = {}) {
  const { log, open, clear } = createRequestLog()
  const server = createServer({ maxHeaderSize: 65_536, keepAliveTimeout: 75_000 }, serve)

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const operation = `${request.method} ${request.url?.split('?')[0]}`
    if (operation === 'GET /healthz') return sendJson(response, 200, { status: 'ok' })
    if (operation === 'GET /simulator/requests') return sendJson(response, 200, log)
    if (operation === 'DELETE /simulator/requests') return sendJson(response, 200, clear())
    try {
      const answer = await answerOperation(operation, { request, response, entry: open(request, response) })
      if (answer) sendJson(response, 200, answer)
    } catch (error) {
      const refusal = error instanceof OpenAiError ? error : new OpenAiError(500, `The simulator failed: ${error}`)
      if (response.headersSent) response.destroy()
      else sendJson(response, refusal.status, refusal.body)
    }
  }

  async function answerOperation(operation: string, call: Call): Promise<object | undefined> {
    const id = /^GET \/v1\/models\/(.+)/.exec(operation)?.[1]
    if (id) return requireModel(id)
    if (operation === 'GET /v1/models') return { object: 'list', data: [model] }
    if (operation === 'POST /v1/embeddings') return embed((await readBody(call)).body)
    if (operation === 'POST /v1/chat/completions') return completeChat(call)
    throw new OpenAiError(404, `Unknown request URL: ${operation}.`, { code: 'unknown_url' })
  }

  async function completeChat(call: Call): Promise<undefined> {
    const leaving = new AbortController()
    call.response.on('close', () => leaving.abort())
    const { raw, body } = await readBody(call)
    const request = readChatRequest(body)
    const header = call.request.headers['x-simulator-script']
    const turns = header ? parseScript(String(header)) : script
    const turn = turns ? chooseTurn(turns, request.messages) : demoTurn(request)
    const id = hash('sha256', raw).slice(0, 24)
    await answerChat(call.response, { request, turn, id, created: Math.floor(now() / 1000), left: leaving.signal })
  }

  async function close(): Promise<void> {
    const closed = once(server.close(), 'close')
    server.closeAllConnections()
    await closed
  }

  async function listen(port: number, host: string): Promise<RunningSimulator> {
    await once(server.listen(port, host), 'listening')
    const address = server.address() as AddressInfo
    return { url: `http://${host}:${address.port}`, port: address.port, close }
  }
  return { listen }
}

async function readBody({ request, entry }: Call): Promise<{ raw: Buffer; body: unknown }> {
  const raw = Buffer.concat(await request.toArray())
  const body = parseJson(raw.toString())
  entry.body = raw.length <= loggedBytes ? body : `[${raw.length} bytes]`
  requireModel((body as { model?: unknown } | null)?.model)
  return { raw, body }
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
