/**
 * How an answer may be framed:
 * - `json`: one JSON body, and what a tool reports on its way is dropped
 * - `sse`: an event stream, whatever there is to say
 * - `auto`: one JSON body, or a stream as soon as a tool reports something or is silent for long
 */
export type ResponseMode = 'json' | 'sse' | 'auto'

/** Reads `Accept`. MCP asks clients to accept both; curl says everything or nothing, and must be able to print the answer. */
export function responseModeOf(accept: string | undefined): ResponseMode | undefined {
  const stream = /text\/event-stream/i.test(accept ?? '')
  const json = !accept || /\*\/\*|application\/(\*|json)/i.test(accept)
  if (stream) return json ? 'auto' : 'sse'
  return json ? 'json' : undefined
}
