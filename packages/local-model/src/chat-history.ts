import { invalid } from '@jan/service-kit/errors'
import { tryParseJson } from '@jan/service-kit/json-body'
import type { ChatRequest, Message } from './chat-request.ts'
import type { FunctionCallItem, Functions, HistoryItem } from './engine-types.ts'
import { compileSchema, forGrammar } from './grammar-schema.ts'

/**
 * A request's messages as the engine keeps them: what a tool said belongs to the call.
 * @throws AppError `invalid_request` for a tool's answer that nobody asked for, and a call that nobody answered
 */
export function historyOf(messages: Message[]): HistoryItem[] {
  const open = new Map<string, FunctionCallItem>()
  const history = messages.flatMap((message, at): HistoryItem[] => {
    if (message.role === 'tool') {
      const call = open.get(message.tool_call_id)
      if (!call) throw invalid('This answers no tool call before it', `messages.${at}.tool_call_id`)
      open.delete(message.tool_call_id)
      call.result = textOf(message.content)
      return []
    }
    if (message.role !== 'assistant')
      return [{ type: message.role === 'user' ? 'user' : 'system', text: textOf(message.content) }]
    const text = textOf(message.content)
    const calls = (message.tool_calls ?? []).map(({ id, function: { name, arguments: params } }) => {
      const call: FunctionCallItem = { type: 'functionCall', name, params: tryParseJson(params) ?? {}, result: '' }
      open.set(id, call)
      return call
    })
    return [{ type: 'model', response: [...(text ? [text] : []), ...calls] }]
  })
  const [unanswered] = open.keys()
  if (unanswered !== undefined) throw invalid(`Nothing answers the tool call ${unanswered}`, 'messages')
  return merged(history)
}

/** The engine wants what a model said in one turn as one item: its calls, and what it said after their results. */
function merged(history: HistoryItem[]): HistoryItem[] {
  const items: HistoryItem[] = []
  for (const item of history) {
    const last = items.at(-1)
    if (item.type === 'model' && last?.type === 'model') last.response.push(...item.response)
    else items.push(item)
  }
  return items
}

/**
 * What the model may call, unless the request says that it may call nothing.
 * @throws AppError `invalid_request` for parameters that are no schema
 */
export function functionsOf({ tools, tool_choice: choice }: ChatRequest): Functions | undefined {
  if (!tools?.length || choice === 'none') return undefined
  return Object.fromEntries(
    tools.map(({ function: { name, description, parameters } }, at) => [
      name,
      { ...(description ? { description } : {}), ...paramsOf(parameters, `tools.${at}.function.parameters`) },
    ]),
  )
}

/** Nothing for a function that takes nothing. */
function paramsOf(schema: Record<string, unknown> | null | undefined, param: string): { params?: object } {
  if (Object.keys(schema?.properties ?? {}).length === 0) return {}
  try {
    compileSchema(schema!)
  } catch (error) {
    throw invalid(`These are no parameters: ${(error as Error).message}`, param)
  }
  return { params: forGrammar(schema!) }
}

const textOf = (content: Message['content']): string =>
  typeof content === 'string' ? content : (content ?? []).map(({ text }) => text).join('\n')
