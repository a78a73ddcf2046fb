import { tryParseJson } from '@jan/service-kit/json-body'

const ERROR_EVENT = /(?:^|[\r\n])event: *error\b/
const BETWEEN_EVENTS = /\n\n|\n\r\n|\r\r/

/**
 * Whether one of these events tells that the answer failed: `event: error`, an `error` beside the choices or in their
 * place, or the reason `error` for a finish (OpenRouter). A text that speaks of errors is none.
 */
export function hasFailure(events: string): boolean {
  // Almost no event has the word.
  if (!events.includes('error')) return false
  return ERROR_EVENT.test(events) || events.split(BETWEEN_EVENTS).some(isFailure)
}

function isFailure(event: string): boolean {
  if (!event.includes('"error"')) return false
  const data = event.split(/\r\n|\r|\n/).flatMap((line) => (line.startsWith('data:') ? [line.slice(5)] : []))
  const json = tryParseJson(data.join('\n'))
  if (typeof json !== 'object' || json === null) return false
  const { error, type, choices } = json as { error?: unknown; type?: unknown; choices?: unknown }
  const isOver = (choice: { finish_reason?: unknown } | null) => choice?.finish_reason === 'error'
  return Boolean(error) || type === 'error' || (Array.isArray(choices) && choices.some(isOver))
}
