import { tryParseJson } from '@jan/service-kit/json-body'
import { readUsage, type Usage } from './usage.ts'

/** Where providers write it: among the last fields. */
const TAIL_BYTES = 4096

/**
 * Tokens of a whole JSON answer, from its end, without reading all of it. A quote inside of a text is always written
 * `\"`, so `"usage"` is the name of a field, or a text of that one word; what is ambiguous is read whole instead.
 * Undefined when there is none, or when the answer is no JSON object.
 */
export function usageInTail(answer: Buffer): Usage | undefined {
  const plain = lastField(answer)
  if (plain !== undefined) return readUsage(plain)
  const from = Math.max(0, answer.length - TAIL_BYTES)
  const tail = answer.toString('latin1', from)
  const at = tail.lastIndexOf('"usage"')
  // A field before the tail is seen by nobody, and a second one in the tail makes the last one doubtful.
  if (at === -1 || tail.lastIndexOf('"usage"', at - 1) !== -1 || tail[at - 1] === '\\') return usageInWhole(answer)
  const found = objectAfter(tail, at + 7)
  if (!found || !endsTopLevel(tail, found.end)) return usageInWhole(answer)
  return readUsage(found.json)
}

/** As most answers end: what stands between `"usage":` and the last brace is one JSON value, so it is the last field of all. */
function lastField(answer: Buffer): unknown {
  const end = answer.toString('latin1', Math.max(0, answer.length - LAST_FIELD_BYTES)).trimEnd()
  const at = end.lastIndexOf('"usage":{')
  return at > 0 && end.endsWith('}}') && end[at - 1] !== '\\' ? tryParseJson(end.slice(at + 8, -1)) : undefined
}

const LAST_FIELD_BYTES = 512

/** Tokens in one server-sent event, `data: {…}`: of the chunk itself, not of anything in it. */
export function usageInEvent(event: string): Usage | undefined {
  // Most chunks have none, or `"usage":null`.
  if (!/"usage"\s*:\s*\{/.test(event)) return undefined
  const json = event
    .split(/\r\n|\r|\n/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(5))
    .join('\n')
  return topLevel(json)
}

function usageInWhole(answer: Buffer): Usage | undefined {
  return answer.includes('"usage"') ? topLevel(answer.toString()) : undefined
}

function topLevel(text: string): Usage | undefined {
  try {
    const json = JSON.parse(text) as { usage?: unknown } | null
    return readUsage(json?.usage)
  } catch {
    return undefined
  }
}

/** The object that is the value of a field, which begins behind `:`. Undefined when it is no object, or not whole. */
function objectAfter(text: string, from: number): { json: unknown; end: number } | undefined {
  const start = /^\s*:\s*\{/.exec(text.slice(from, from + 64))
  if (!start) return undefined
  let depth = 0
  for (let at = from + start[0].length - 1; at < text.length; at += 1) {
    const character = text[at]
    if (character === '"') at = endOfText(text, at)
    else if (character === '{') depth += 1
    else if (character === '}' && --depth === 0) return parsed(text.slice(from + start[0].length - 1, at + 1), at + 1)
  }
  return undefined
}

/** Whether what follows, up to the end, are fields of the outermost object and its one closing brace. */
function endsTopLevel(text: string, from: number): boolean {
  let depth = 1
  for (let at = from; at < text.length; at += 1) {
    const character = text[at]
    if (character === '"') at = endOfText(text, at)
    else if (character === '{' || character === '[') depth += 1
    else if (character === '}' || character === ']') {
      depth -= 1
      if (depth === 0) return character === '}' && text.slice(at + 1).trim() === ''
    }
  }
  return false
}

/** Index of the quote that ends the text which begins at `at`. */
function endOfText(text: string, at: number): number {
  for (let end = at + 1; end < text.length; end += 1) {
    if (text[end] === '\\') end += 1
    else if (text[end] === '"') return end
  }
  return text.length
}

function parsed(text: string, end: number): { json: unknown; end: number } | undefined {
  try {
    return { json: JSON.parse(text), end }
  } catch {
    return undefined
  }
}
