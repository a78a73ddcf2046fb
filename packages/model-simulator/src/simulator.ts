import { hash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerChat } from './answer-chat.ts'
import { readChatRequest } from './chat-request.ts'
import { demoTurn } from './demo-turn.ts'
import { embed } from './embeddings.ts'
import { model, requireModel } from './model.ts'
import { OpenAiError, refusalOf } from './openai-error.ts'
import { createRequestLog } from './request-log.ts'
import { chooseTurn, parseScript, type Turn } from './script.ts'

/** `script` serves requests that bring none; `now` gives milliseconds. */
export type SimulatorOptions = { script?: readonly Turn[] | undefined; now?: () => number }

const loggedCharacters = 1_048_576

/** An OpenAI-compatible server that answers from scripts. */
export function createSimulator({ script, now = Date.now }: SimulatorOptions = {}) {
  const { log, open, clear } = createRequestLog()

  const server = createServer({ maxHeaderSize: 65_536, keepAliveTimeout: 75_000 }, async (request, response) => {
    const { status, body } = await answerOperation(request, response)
      .then((body) => ({ status: 200, body }))
      .catch(refusalOf)
    if (body && response.headersSent) response.destroy()
    else if (body) response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })

  /** The body of the answer, or nothing when it has been written already. */
  async function answerOperation(request: IncomingMessage, response: ServerResponse): Promise<object | undefined> {
    const operation = `${request.method} ${request.url?.split('?')[0]}`
    if (operation === 'GET /healthz') return { status: 'ok' }
    if (operation === 'GET /simulator/requests') return log
    if (operation === 'DELETE /simulator/requests') return clear()
    if (operation === 'GET /v1/models') return { object: 'list', data: [model] }
    if (operation.startsWith('GET /v1/models/')) return requireModel(operation.slice('GET /v1/models/'.length))
    if (operation === 'POST /v1/embeddings') return embed(await readBody(request, response))
    if (operation === 'POST /v1/chat/completions') return completeChat(request, response)
    throw new OpenAiError(404, `Unknown request URL: ${operation}.`, { code: 'unknown_url' })
  }

  async function readBody(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const entry = open(request, response)
    const text = Buffer.concat(await request.toArray()).toString()
    const body: unknown = JSON.parse(text)
    if (text.length <= loggedCharacters) entry.body = body
    requireModel((body as { model?: unknown } | null)?.model)
    return body
  }

  async function completeChat(message: IncomingMessage, response: ServerResponse): Promise<undefined> {
    const leaving = new AbortController()
    response.on('close', () => leaving.abort())
    const body = await readBody(message, response)
    const request = readChatRequest(body)
    const header = message.headers['x-simulator-script']
    const turns = header ? parseScript(String(header)) : script
    const turn = turns ? chooseTurn(turns, request.messages) : demoTurn(request)
    const id = hash('sha256', JSON.stringify(body)).slice(0, 24)
    await answerChat(response, { request, turn, id, created: Math.floor(now() / 1000) }, leaving.signal)
  }

  /** Rejects when the port is taken; port 0 is a free one. `close` breaks off open answers. */
  async function listen(port: number, host: string) {
    await once(server.listen(port, host), 'listening')
    const url = `http://${host}:${(server.address() as AddressInfo).port}`
    return { url, close: () => void server.close().closeAllConnections() }
  }
  return { listen }
}
