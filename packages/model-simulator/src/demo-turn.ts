import { type ChatRequest, type Message, textOf } from './chat-request.ts'
import { chooseCalls } from './demo-tools.ts'
import { fillSchema } from './fill-schema.ts'
import { modelId } from './model.ts'
import { imageUrls, nameImage } from './name-images.ts'
import type { Turn } from './script.ts'

const FACT = /\b(?:my|remember(?: that)?(?: my| the)?)\s+([\w' -]{1,60}?)\s+(?:is|are)\s+(.+?)(?=[.,;!?](?:\s|$)|$)/gim
const QUESTION =
  /\b(?:what(?:'s| is| are| was)?|who is|tell me(?: what)?|do you (?:know|remember)(?: what)?)\s+(my\s+|the\s+)?([\w' -]{1,60}?)(?:\s+(?:is|was|again))*\s*(?:[?.!]|$)/im
const FAILURE =
  /^\s*(?:\w*error|exception|traceback)\b|"is_?error":\s*true|"error":\s*(?:"[^"]|\{)|"exit_code":\s*[-1-9]/i
const MEANINGFUL = [
  'error',
  'stdout',
  'stderr',
  'text',
  'markdown',
  'snippet',
  'content',
  'title',
  'results',
  'organic',
]

/** The turn of a request without a script: the fixed rules of README.md. */
export function demoTurn(request: ChatRequest): Turn {
  const { messages, response_format: format } = request
  const lastUser = messages.findLastIndex((message) => message.role === 'user')
  const asked = messages.slice(lastUser, lastUser + 1)
  const prompt = asked.map(textOf).join('')
  const images = asked.flatMap(imageUrls).map(nameImage)
  const since = messages.slice(lastUser + 1)
  const calls = chooseCalls(request, prompt, since.flatMap((message) => message.tool_calls ?? []).length)
  if (calls.length > 0) return { tool_calls: calls }
  const seen = images.length > 0 ? `I see ${images.join('; ')}.` : undefined
  const text = answerResults(since) ?? seen ?? answerFact(messages, prompt) ?? echo(prompt)
  if (format?.type === 'json_object') return { text: JSON.stringify({ reply: text }) }
  return { text: format?.type === 'json_schema' ? JSON.stringify(fillSchema(format.json_schema.schema, text)) : text }
}

function answerResults(since: Message[]): string | undefined {
  const calls = since.flatMap((message) => message.tool_calls ?? [])
  const lines = since.flatMap((message) => {
    if (message.role !== 'tool') return []
    const content = textOf(message)
    const tool = calls.find((call) => call.id === message.tool_call_id)?.function.name
    const verb = FAILURE.test(content) ? 'reported an error' : 'answered'
    return `- ${tool} ${verb}: ${quote(meaningfulPart(content), 300)}`
  })
  return lines.length > 0 ? `This is what the tools said:\n${lines.join('\n')}` : undefined
}

/** The first text of a JSON result that says something; a result that is not JSON, whole. */
function meaningfulPart(content: string): string {
  const find = (value: unknown): string | undefined => {
    if (typeof value !== 'object' || !value) return typeof value === 'string' && value.trim() ? value : undefined
    const inside = Array.isArray(value) ? value : MEANINGFUL.map((key) => (value as Record<string, unknown>)[key])
    return inside.map(find).find(Boolean)
  }
  try {
    return find(JSON.parse(content)) ?? content
  } catch {
    return content
  }
}

function answerFact(messages: Message[], prompt: string): string | undefined {
  const [, owner = 'the', topic = ''] = QUESTION.exec(prompt) ?? []
  const told = messages.flatMap((message) => (['assistant', 'tool'].includes(message.role) ? [] : textOf(message)))
  const fact = [...told.join('\n').matchAll(FACT)].findLast(
    ([, subject]) => subject?.toLowerCase() === topic.toLowerCase(),
  )
  const mine = owner.trim().toLowerCase() === 'my'
  if (fact) return `You told me that ${mine ? 'your' : 'the'} ${topic} is ${fact[2]}.`
  return mine ? `You have not told me your ${topic} in this conversation.` : undefined
}

const echo = (prompt: string) =>
  `You said "${quote(prompt, 120)}". I am the scripted simulator ${modelId}, not a model.`

/** On one line, at most `length` characters. */
function quote(text: string, length: number): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.replace(new RegExp(`^(.{${length}}).+`, 'u'), '$1…')
}
