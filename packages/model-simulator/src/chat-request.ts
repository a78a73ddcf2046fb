import { aText, anObject, type Fields, findProblem, isRecord, isText, oneOf, type Rule, wholeNumber } from './check-fields.ts'
import { check } from './openai-error.ts'

export type ToolCall = { id: string; type: 'function'; function: { name: string; arguments: string } }
export type Part = { type: string; text?: string; image_url?: { url: string } }
export type Message = { role: string; content?: string | Part[] | null; tool_calls?: ToolCall[]; tool_call_id?: string }
export type JsonSchema = Record<string, unknown>
export type Tool = { function: { name: string; parameters?: JsonSchema } }

/** What the simulator reads of a chat request; whatever else a client sends is ignored. */
export type ChatRequest = {
  messages: Message[]
  tools?: Tool[]
  tool_choice?: 'none' | 'auto' | 'required' | { function: { name: string } }
  parallel_tool_calls?: boolean
  response_format?: { type: string; json_schema?: { schema: JsonSchema } }
  stream?: boolean
  stream_options?: { include_usage?: boolean }
  max_tokens?: number
  max_completion_tokens?: number
  stop?: string | string[]
}

const isTool = (value: unknown) => isRecord(value) && isRecord(value.function) && /^[\w-]{1,64}$/.test(`${value.function.name}`)
const isToolChoice = (value: unknown) => ['none', 'auto', 'required'].includes(value as string) || isTool(value)
const isFormat = ({ type, json_schema: schema }: Fields) =>
  type === 'text' || type === 'json_object' || (type === 'json_schema' && isRecord(schema) && isRecord(schema.schema))
const isToolCall = (value: unknown) => isTool(value) && isRecord(value) && isText(value.id)

const requestRules: Record<string, Rule> = {
  messages: ['a list of at least one message', (value) => Array.isArray(value) && value.length > 0],
  tools: ['a list of {type: "function", function: {name, …}}', (value) => Array.isArray(value) && value.every(isTool)],
  tool_choice: ['none, auto, required or {type: "function", function: {name}}', isToolChoice],
  response_format: ['text, json_object or json_schema with a schema', (value) => isRecord(value) && isFormat(value)],
  max_tokens: wholeNumber(1, 1e9),
  max_completion_tokens: wholeNumber(1, 1e9),
  stop: ['one text or up to four', (value) => [value].flat().length <= 4 && [value].flat().every((text) => isText(text) && text)],
  n: ['1: the simulator gives one choice', (value) => value === 1],
  stream_options: anObject,
}
const messageRules: Record<string, Rule> = {
  role: oneOf('system', 'developer', 'user', 'assistant', 'tool'),
  content: ['a text or a list of text, image_url and refusal parts', (value) => isText(value) || isPartList(value)],
  tool_calls: ['a list of {id, type, function}', (value) => Array.isArray(value) && value.every(isToolCall)],
  tool_call_id: aText,
}
