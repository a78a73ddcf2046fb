import { json } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { type Served, serve } from '@jan/testkit/serve'

type Message = { role: string; content?: unknown; tool_calls?: unknown[] }

/** What a client wants, as the input of its request says it: the same in every try, and in every run made of it. */
export type Task = { name: string; calls: number }
export const taskText = ({ name, calls }: Task) => `${name} makes ${calls} calls`
/** What it is told at last. */
export const finalText = ({ name }: Pick<Task, 'name'>) => `${name} is done`

/** How often each call of a task is executed can be counted, whoever asks for it. */
export type Call = { task: string; number: number }

export const TOOL = 'record'
const PIECE_MS = 10

/**
 * Stands for llm-api: a model that makes the calls its task names, two at a time, and then says that it is done.
 * The same conversation always gets the same turn: a task that is run twice makes the same calls twice.
 */
export const startToolModel = (): Promise<Served> =>
  serve(async (request, response) => {
    if (request.url === '/healthz') return void response.end('{}')
    const { messages } = (await json(request)) as { messages: Message[] }
    const task = taskIn(messages)
    const made = messages.flatMap((message) => message.tool_calls ?? []).length
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const choice of made < task.calls ? callsOf(task, made) : wordsOf(task)) {
      await pause(PIECE_MS)
      response.write(
        `data: ${JSON.stringify({ ...HEAD, choices: [{ index: 0, finish_reason: null, ...choice }] })}\n\n`,
      )
    }
    response.end('data: [DONE]\n\n')
  })

const HEAD = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'caller' }

function taskIn(messages: Message[]): Task {
  const [, name, calls] = /(\S+) makes (\d+) calls/.exec(JSON.stringify(messages.find(({ role }) => role === 'user')))!
  return { name: name!.replace(/^.*"/, ''), calls: Number(calls) }
}

function callsOf({ name, calls }: Task, made: number) {
  const numbers = [made, made + 1].filter((number) => number < calls)
  const tool_calls = numbers.map((number, index) => {
    const call: Call = { task: name, number }
    return { index, id: `call_${number}`, type: 'function', function: { name: TOOL, arguments: JSON.stringify(call) } }
  })
  return [{ delta: { tool_calls } }, { delta: {}, finish_reason: 'tool_calls' }]
}

const wordsOf = (task: Task) => [{ delta: { content: finalText(task) } }, { delta: {}, finish_reason: 'stop' }]
