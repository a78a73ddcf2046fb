import { isJsonObject } from '@jan/service-kit/json-body'
import type { ChatMessage } from './chat.schema.ts'
import { isInstruction, textOf } from './instructions.ts'

type Json = Record<string, unknown>

/** What a person (or their tools) sent, as items to keep. Instructions are of this one request, and are not kept. */
export function messagesToItems(messages: ChatMessage[]): Json[] {
  return messages.flatMap((message): Json[] => {
    const { role, content } = message
    if (isInstruction(message)) return []
    if (role === 'tool')
      return [
        { type: 'function_call_output', call_id: message.tool_call_id, output: textOf(content), status: 'completed' },
      ]
    return [...messageItem(role, content), ...callItems(message.tool_calls, 'completed')]
  })
}

/** A message that says nothing, as one with only calls in it, is none. */
export function messageItem(role: string, content: unknown, status = 'completed'): Json[] {
  const parts = partsOf(role, content)
  return parts.length === 0 ? [] : [{ type: 'message', role, status, content: parts }]
}

export const callItems = (calls: unknown, status: string): Json[] =>
  (Array.isArray(calls) ? (calls as Json[]) : []).flatMap(({ id, function: called }) =>
    isJsonObject(called)
      ? [{ type: 'function_call', call_id: id, name: called.name, arguments: called.arguments ?? '', status }]
      : [],
  )

function partsOf(role: string, content: unknown): Json[] {
  const text = (value: unknown): Json =>
    role === 'assistant' ? { type: 'output_text', text: value, annotations: [] } : { type: 'input_text', text: value }
  if (typeof content === 'string') return content === '' ? [] : [text(content)]
  if (!Array.isArray(content)) return []
  return (content as unknown[]).filter(isJsonObject).map((part) => {
    if (part.type === 'text') return text(part.text)
    if (part.type === 'image_url') return imageOf(part.image_url)
    return part
  })
}

function imageOf(image: unknown): Json {
  const { url, detail } = isJsonObject(image) ? image : { url: image }
  const isOurs = typeof url === 'string' && /^jan_[0-9a-z]{26}$/.test(url)
  return {
    type: 'input_image',
    detail: detail ?? 'auto',
    ...(isOurs ? { file_id: url, image_url: null } : { image_url: url, file_id: null }),
  }
}
