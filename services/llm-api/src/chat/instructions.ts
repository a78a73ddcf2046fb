import type { ChatMessage } from './chat.schema.ts'

/**
 * Puts instructions before everything, and the history between the request's own instructions and its turn. There is
 * one system message at most, and it is the first: many models take no other. Without instructions and history nothing changes.
 * @param instructions the assistant's, then the project's
 */
export function assemble(instructions: string[], history: ChatMessage[], sent: ChatMessage[]): ChatMessage[] {
  if (instructions.length === 0 && history.length === 0) return sent
  const count = sent.findIndex((message) => !isInstruction(message))
  const own = count < 0 ? sent : sent.slice(0, count)
  const rest = count < 0 ? [] : sent.slice(count)
  const system = instructions.length === 0 ? own : [merged(instructions, own)]
  return [...system, ...history, ...rest]
}

export const isInstruction = ({ role }: ChatMessage): boolean => role === 'system' || role === 'developer'

function merged(instructions: string[], own: ChatMessage[]): ChatMessage {
  const texts = [...instructions, ...own.map(({ content }) => textOf(content))].filter((text) => text !== '')
  return { role: own[0]?.role ?? 'system', content: texts.join('\n\n') }
}

/** What is text of a message. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content.flatMap((part: { text?: unknown }) => (typeof part?.text === 'string' ? [part.text] : [])).join('\n')
}
