import type { ChatMessage } from './chat.schema.ts'

type Json = Record<string, unknown>

/**
 * What was said before, as messages for a model. Tool calls stand in the message of the assistant that made them, and
 * their outputs behind it. A call without an output, or an output without its call, is left out: providers refuse
 * both. Reasoning is not said again, and what only tells of a search or an image neither.
 * @param answered calls whose output comes with the request
 */
export function itemsToMessages(items: Json[], answered: unknown[] = []): ChatMessage[] {
  const outputs = new Set(answered)
  for (const { type, call_id: id } of items) if (type === 'function_call_output') outputs.add(id)
  const calls = new Set<unknown>()
  const messages: ChatMessage[] = []
  for (const item of items) {
    if (item.type === 'message') messages.push({ role: String(item.role), content: contentOf(item.content) })
    else if (item.type === 'function_call' && outputs.has(item.call_id)) {
      calls.add(item.call_id)
      addCall(messages, callOf(item.call_id, item))
    } else if (item.type === 'function_call_output' && calls.has(item.call_id))
      messages.push({ role: 'tool', tool_call_id: item.call_id, content: textOf(item.output) })
    else if (item.type === 'mcp_call') {
      addCall(messages, callOf(item.id, item))
      messages.push({ role: 'tool', tool_call_id: item.id, content: textOf(item.output ?? item.error) })
    }
  }
  return messages
}

const callOf = (id: unknown, { name, arguments: given }: Json) => ({
  id,
  type: 'function',
  function: { name, arguments: textOf(given) },
})

/** Calls made at once belong to one message, which may have said something before. */
function addCall(messages: ChatMessage[], call: object): void {
  const last = messages.at(-1)
  if (last?.role === 'assistant') last.tool_calls = [...((last.tool_calls as object[] | undefined) ?? []), call]
  else messages.push({ role: 'assistant', content: null, tool_calls: [call] })
}

/** Text alone is a string, which every provider takes. */
function contentOf(content: unknown): unknown {
  if (!Array.isArray(content)) return content ?? ''
  const parts = content.flatMap(partOf)
  if (parts.some(({ type }) => type !== 'text')) return parts
  return parts.map(({ text }) => text).join('\n')
}

function partOf(part: Json): Json[] {
  switch (part.type) {
    case 'input_text':
    case 'output_text':
    case 'text':
      return [{ type: 'text', text: part.text }]
    case 'refusal':
      return [{ type: 'text', text: part.refusal }]
    case 'input_image': {
      const detail = part.detail === undefined || part.detail === null ? {} : { detail: part.detail }
      return [{ type: 'image_url', image_url: { url: part.image_url ?? part.file_id, ...detail } }]
    }
    case 'input_file':
    case 'input_audio':
      return [part]
    default:
      return []
  }
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value)
