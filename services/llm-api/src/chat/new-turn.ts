import type { ChatMessage } from './chat.schema.ts'
import { isInstruction } from './instructions.ts'

/**
 * What of a request is new. Some clients send the whole conversation again although it is kept here: what the history
 * ends with and the request begins with is known already.
 */
export function newTurn(history: ChatMessage[], sent: ChatMessage[]): ChatMessage[] {
  const said = sent.filter((message) => !isInstruction(message))
  const [before, now] = [history.map(markOf), said.map(markOf)]
  for (let length = Math.min(before.length, now.length); length > 0; length -= 1) {
    const isKnown = now.slice(0, length).every((mark, index) => mark === before[before.length - length + index])
    // A person may say the same thing twice; only an answer shows that they were told of it.
    if (isKnown && said.slice(0, length).some(({ role }) => role === 'assistant')) return said.slice(length)
  }
  return said
}

const markOf = ({ role, content, tool_call_id: id }: ChatMessage) => JSON.stringify([role, content ?? '', id])
