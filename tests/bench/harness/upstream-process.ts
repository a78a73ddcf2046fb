import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { readInput, tell } from '../../measure/child-process.ts'
import type { UpstreamInput } from './chat-contestants.ts'
import { MODEL } from './options.ts'
import { chunkText } from './stream-checker.ts'

/** A model provider that answers everybody alike: a fixed JSON body, or chunks at a steady pace. */
const { port, answerBytes, chunks, intervalMs } = readInput<UpstreamInput>()

const CREATED = 1_700_000_000
const usage = { prompt_tokens: 8, completion_tokens: chunks, total_tokens: 8 + chunks }
const answer = Buffer.from(
  JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion',
    created: CREATED,
    model: MODEL,
    choices: [{ index: 0, message: { role: 'assistant', content: 'x'.repeat(answerBytes) }, finish_reason: 'stop' }],
    usage,
  }),
)
const models = JSON.stringify({ object: 'list', data: [{ id: MODEL, object: 'model', owned_by: 'bench' }] })

function frame(index: number, waitedMs: number): string {
  const finish_reason = index === chunks - 1 ? 'stop' : null
  const choice = { index: 0, delta: { content: chunkText(index, waitedMs) }, finish_reason }
  return `data: ${JSON.stringify({ id: 'chatcmpl-bench', object: 'chat.completion.chunk', created: CREATED, model: MODEL, choices: [choice] })}\n\n`
}

function stream(response: ServerResponse, began: number): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
  let index = 0
  const timer = setInterval(() => {
    response.write(frame(index, performance.now() - began))
    index += 1
    if (index < chunks) return
    clearInterval(timer)
    response.write('data: [DONE]\n\n')
    response.end()
  }, intervalMs)
  response.once('close', () => clearInterval(timer))
}

const server = createServer(async (request, response) => {
  const began = performance.now()
  if (request.method === 'GET') return void response.writeHead(200, { 'content-type': 'application/json' }).end(models)
  const { stream: isStreamed } = (await json(request)) as { stream?: boolean }
  if (isStreamed) return stream(response, began)
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length }).end(answer)
})
server.keepAliveTimeout = 60_000
server.once('error', (error) => {
  process.stderr.write(`the upstream cannot listen on port ${port}: ${error.message}\n`)
  process.exit(1)
})
server.listen(port, '127.0.0.1', () => tell({ port: (server.address() as AddressInfo).port }))
