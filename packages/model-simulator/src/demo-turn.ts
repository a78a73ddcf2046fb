import { type ChatRequest, imageUrls, isForced, type Message, textOf } from './chat-request.ts'
import { chooseCalls } from './demo-tools.ts'
import { fillSchema } from './fill-schema.ts'
import { modelId } from './model.ts'
import { nameImage } from './name-image.ts'
import type { Turn } from './script.ts'

const FACT = /\bmy ([\w' -]{1,60}?) is (.+?)(?=[.,;!?](?:\s|$)|$)/gim
const QUESTION = /\bwhat(?:'s| is) my ([\w' -]{1,60}?)\s*(?:[?.!]|$)/im

/** The turn of a request without a script: the fixed rules of README.md. */
export function demoTurn(request: ChatRequest): Turn {
  const { messages, response_format: format } = request
  const lastUser = messages.findLastIndex((message) => message.role === 'user')
  const asked = messages.slice(lastUser, lastUser + 1)
  const prompt = asked.map(textOf).join('')
  const images = asked.flatMap(imageUrls).map(nameImage)
  const results = quoteResults(messages.slice(lastUser + 1))
  const calls = results && !isForced(request) ? [] : chooseCalls(request, prompt)
  if (calls.length > 0) return { tool_calls: calls }
  const seen = images.length > 0 ? `I see ${images.join('; ')}.` : undefined
  const text = results ?? seen ?? repeatFact(messages, prompt) ?? echo(prompt)
  if (format?.type === 'json_object') return { text: JSON.stringify({ answer: text }) }
  return { text: format?.type === 'json_schema' ? JSON.stringify(fillSchema(format.json_schema.schema, text)) : text }
}

function quoteResults(messages: Message[]): string | undefined {
  const results = messages.filter((message) => message.role === 'tool').map(textOf)
  if (results.length === 0) return undefined
  return ['This is what the tools said:', ...results.map((text) => `- ${quote(text, 300)}`)].join('\n')
}

function repeatFact(messages: Message[], prompt: string): string | undefined {
  const topic = QUESTION.exec(prompt)?.[1]
  if (!topic) return undefined
  const told = messages.filter((message) => message.role === 'user').map(textOf)
  const facts = [...told.join('\n').matchAll(FACT)]
  const fact = facts.findLast(([, subject]) => subject?.toLowerCase() === topic.toLowerCase())?.[2]
  return fact ? `You told me that your ${topic} is ${fact}.` : `You have not told me your ${topic}.`
}

const echo = (prompt: string) => `You said "${quote(prompt, 120)}". I am ${modelId}: a script, not a model.`

/** The first `length` characters, on one line. */
const quote = (text: string, length: number) => [...text.replace(/\s+/g, ' ').trim()].slice(0, length).join('')
