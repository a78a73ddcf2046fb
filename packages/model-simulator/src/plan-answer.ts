import type { Answering } from './answer-reply.ts'
import { readChatRequest } from './chat-request.ts'
import { demoTurn } from './demo-turn.ts'
import { type Asked, planChat } from './plan-chat.ts'
import { planCompletion, readCompletionRequest } from './plan-completion.ts'
import { chooseTurn, type Turn } from './script.ts'

/** What is said to a body, and how. Without `turns`, the rules of README.md decide. */
export type PlanAnswer = (
  body: object,
  turns: readonly Turn[] | undefined,
  asked: Asked,
) => Pick<Answering, 'reply' | 'turn' | 'isStreamed'>

export const planChatAnswer: PlanAnswer = (body, turns, asked) => {
  const request = readChatRequest(body)
  const turn = turns ? chooseTurn(turns, request.messages) : demoTurn(request)
  return { reply: planChat(request, turn, asked), turn, isStreamed: request.stream === true }
}

/** Delays and faults are those of the first prompt's turn. */
export const planCompletionAnswer: PlanAnswer = (body, turns, asked) => {
  const request = readCompletionRequest(body)
  const said = [request.prompt].flat().map((prompt) => {
    const messages = [{ role: 'user' as const, content: prompt }]
    return turns ? chooseTurn(turns, messages) : demoTurn({ messages })
  })
  return { reply: planCompletion(request, said, asked), turn: said[0] ?? {}, isStreamed: request.stream === true }
}
