import { hash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerReply } from './answer-reply.ts'
import { embed } from './embeddings.ts'
import { model, requireModel } from './model.ts'
import { moderate } from './moderations.ts'
import { OpenAiError, refusalOf } from './openai-error.ts'
import { type PlanAnswer, planChatAnswer, planCompletionAnswer } from './plan-answer.ts'
import { createRequestLog } from './request-log.ts'
import { rerank } from './rerank.ts'
import { parseScript, type Turn } from './script.ts'
import { countPrompt } from './tokens.ts'

/** `script` serves requests that bring none; `now` gives milliseconds; so many requests are `remembered`. */
export type SimulatorOptions = { script?: readonly Turn[] | undefined; now?: () => number; remembered?: number }

const loggedCharacters = 1_048_576

/** An OpenAI-compatible server that answers from scripts. */
export function createSimulator({ script, now = Date.now, remembered = 100 }: SimulatorOptions = {}) {
  const { log, totals, open, clear } = createRequestLog(remembered)

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
    if (operation === 'GET /simulator/usage') return totals
    if (/^DELETE \/simulator\/(requests|usage)$/.test(operation)) return clear()
    if (operation === 'GET /v1/models') return { object: 'list', data: [model] }
    if (operation.startsWith('GET /v1/models/')) return requireModel(operation.slice('GET /v1/models/'.length))
    if (operation === 'POST /v1/embeddings') return answerWhole(request, response, embed)
    if (operation === 'POST /v1/rerank') return answerWhole(request, response, rerank)
    if (operation === 'POST /v1/moderations') return answerWhole(request, response, moderate)
    if (operation === 'POST /v1/chat/completions') return answerText(request, response, planChatAnswer)
    if (operation === 'POST /v1/completions') return answerText(request, response, planCompletionAnswer)
    throw new OpenAiError(404, `Unknown request URL: ${operation}.`, { code: 'unknown_url' })
  }

  async function readBody(request: IncomingMessage, response: ServerResponse) {
    const { entry, bill } = open(request, response)
    const text = Buffer.concat(await request.toArray()).toString()
    const body: unknown = JSON.parse(text)
    if (text.length <= loggedCharacters) entry.body = body
    requireModel((body as { model?: unknown } | null)?.model)
    return { body: body as object, bill }
  }

  async function answerWhole(request: IncomingMessage, response: ServerResponse, answer: (body: unknown) => object) {
    const { body, bill } = await readBody(request, response)
    const answered: { usage?: { prompt_tokens: number } } = answer(body)
    if (!response.destroyed) bill(answered.usage?.prompt_tokens ?? 0, 0)
    return answered
  }

  async function answerText(message: IncomingMessage, response: ServerResponse, plan: PlanAnswer): Promise<undefined> {
    const leaving = new AbortController()
    response.on('close', () => leaving.abort())
    const { body, bill } = await readBody(message, response)
    const header = message.headers['x-simulator-script']
    const turns = header ? parseScript(String(header)) : script
    const id = hash('sha256', JSON.stringify(body)).slice(0, 24)
    const asked = { id, created: Math.floor(now() / 1000), promptTokens: countPrompt(body) }
    await answerReply(response, { ...plan(body, turns, asked), bill, left: leaving.signal })
  }

  /** Rejects when the port is taken; port 0 is a free one. `close` breaks off open answers. */
  async function listen(port: number, host: string) {
    await once(server.listen(port, host), 'listening')
    const url = `http://${host}:${(server.address() as AddressInfo).port}`
    return { url, close: () => void server.close().closeAllConnections() }
  }
  return { listen }
}
