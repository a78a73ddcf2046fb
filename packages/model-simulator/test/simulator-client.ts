import { createSimulator, type SimulatorOptions } from '../src/simulator.ts'

type Entry = { token: string; logprob: number; bytes: number[] }
export type Logprobs = { content: (Entry & { top_logprobs: Entry[] })[]; refusal: null }
export type Usage = { prompt_tokens: number; completion_tokens: number; total_tokens: number }
type Chunk = {
  id: string
  choices: {
    index: number
    logprobs: Logprobs | null
    delta: {
      role?: string
      content?: string | null
      tool_calls?: {
        index: number
        id?: string
        type?: string
        function: { name?: string; arguments: string }
      }[]
    }
    finish_reason: string | null
  }[]
  usage?: Usage | null
}
export type Completion = {
  id: string
  created: number
  model: string
  choices: {
    index: number
    logprobs: Logprobs | null
    message: {
      content: string | null
      tool_calls?: { id: string; type: 'function'; function: { name: string; arguments: string } }[]
    }
    finish_reason: string
  }[]
  usage: Usage
}
export type ErrorBody = { error: { message: string; type: string; code: string | null; param: string | null } }
export type Log = {
  in_flight: number
  requests: {
    method: string
    url: string
    headers: Record<string, string>
    body: unknown
    cut_off: boolean
    usage: Usage
  }[]
}
export type Totals = Usage & { answered: number }

/** A simulator on a free port, disposed of with `await using`. */
export async function startSimulator(options?: SimulatorOptions) {
  const simulator = await createSimulator(options).listen(0, '127.0.0.1')
  const post = (path: string, body: unknown, headers: Record<string, string> = {}, signal?: AbortSignal) =>
    fetch(simulator.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...(signal && { signal }),
    })
  const chat = (fields: object, script?: unknown, signal?: AbortSignal) =>
    post(
      '/v1/chat/completions',
      { model: 'jan-simulator', messages: [user('Hello')], ...fields },
      script === undefined ? {} : { 'x-simulator-script': JSON.stringify(script) },
      signal,
    )
  return {
    ...simulator,
    post,
    chat,
    get: (path: string) => fetch(simulator.url + path),
    complete: async (fields: object, script?: unknown) => (await (await chat(fields, script)).json()) as Completion,
    totals: async () => (await (await fetch(`${simulator.url}/simulator/usage`)).json()) as Totals,
    log: async () => (await (await fetch(`${simulator.url}/simulator/requests`)).json()) as Log,
    [Symbol.asyncDispose]: async () => simulator.close(),
  }
}

export const user = (content: unknown) => ({ role: 'user', content })

/** The data of each event of a finished stream. */
export async function readEvents(response: Response): Promise<string[]> {
  return (await response.text()).split('\n\n').filter(Boolean).map(dataOf)
}

export function dataOf(event: string): string {
  if (!event.startsWith('data: ')) throw new Error(`not an event: ${event}`)
  return event.slice('data: '.length)
}

export const parseChunk = (data: string) => JSON.parse(data) as Chunk

/** Polls until the condition holds; the test's own time limit ends the wait. */
export async function until<T>(read: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await read()
    if (holds(value)) return value
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
