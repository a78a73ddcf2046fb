import { once } from 'node:events'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { serve } from '@jan/testkit/serve'

export type ProviderCall = {
  path: string
  headers: IncomingHttpHeaders
  json: Record<string, unknown>
  left: Promise<unknown>
}

export type FakeProvider = {
  /** The base URL, ending in /v1. */
  url: string
  calls: ProviderCall[]
  lists: number
  /** Answers GET /models. */
  onList: (response: ServerResponse) => void
  /** Answers POST /chat/completions. */
  onChat: (response: ServerResponse, call: ProviderCall) => unknown
  close(): Promise<void>
}

export const sendJson = (
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
) => response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))

export const listOf = (...ids: string[]) => ({
  object: 'list',
  data: ids.map((id) => ({ id, object: 'model', created: 1_700_000_000, owned_by: 'fake' })),
})

export const completion = (content: string) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1_700_000_000,
  model: 'fake-model',
  choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
})

export const chunk = (content: string, finish: string | null = null) =>
  `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'fake-model', choices: [{ index: 0, delta: { content }, finish_reason: finish }] })}\n\n`

export const beginStream = (response: ServerResponse) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.flushHeaders()
}

/** An OpenAI-compatible provider that does what the test says. */
export async function startFakeProvider(port = 0): Promise<FakeProvider> {
  const fake: Omit<FakeProvider, 'url' | 'close'> = {
    calls: [],
    lists: 0,
    onList: (response) => sendJson(response, 200, listOf('fake-model', 'vendor/other')),
    onChat: (response) => sendJson(response, 200, completion('hello')),
  }
  const served = await serve(async (request, response) => {
    if (request.url === '/v1/models') {
      fake.lists += 1
      return fake.onList(response)
    }
    // Who asked may leave in the middle of it: that is no failure of the provider.
    const sent = await text(request).catch(() => undefined)
    if (sent === undefined) return
    const json = JSON.parse(sent) as Record<string, unknown>
    const call = { path: request.url ?? '', headers: request.headers, json, left: once(response, 'close') }
    fake.calls.push(call)
    await fake.onChat(response, call)
  }, port)
  return Object.assign(fake, { url: `${served.url}/v1`, close: served.close })
}
