import { isJsonObject } from '@jan/service-kit/json-body'

/** Beyond this a text is not searched, so that one item cannot fill the index. In UTF-16 units. */
const MOST = 50_000

/** What a person would read of an item: its texts, its calls and what they gave. Not its images, and nothing encrypted. */
export function textOf(item: Record<string, unknown>): string {
  const { content, summary, name, arguments: given, input, output, code, query, error } = item
  const parts = [content, summary, name, given, input, output, code, query, error].flatMap(textsOf)
  return parts.join('\n').slice(0, MOST).toWellFormed()
}

/** Of a message, in the order of its blocks. */
export const messageText = (item: Record<string, unknown>): string => textsOf(item.content).join('\n')

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (Array.isArray(value)) return value.flatMap(textsOf)
  if (!isJsonObject(value)) return []
  return [value.text, value.refusal, value.transcript].filter((text) => typeof text === 'string')
}
