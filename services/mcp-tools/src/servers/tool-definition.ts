import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { canonicalJson } from '@jan/contracts/tool-approval'
import { isJsonObject } from '@jan/service-kit/json-body'

/** What a server says of a tool, as far as anybody may be shown it. */
export type Definition = {
  name: string
  title?: string
  description?: string
  inputSchema: unknown
  outputSchema?: unknown
  annotations?: Record<string, unknown>
}

export const LONGEST_TITLE = 200
const HINTS = ['readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint']

/** The parts that are pinned: a change of any of them is a change of what people agreed to. */
export const definitionOf = (tool: Definition): Definition => ({
  name: tool.name,
  ...(tool.title === undefined ? {} : { title: tool.title }),
  ...(tool.description === undefined ? {} : { description: tool.description }),
  inputSchema: tool.inputSchema,
  ...(tool.outputSchema === undefined ? {} : { outputSchema: tool.outputSchema }),
  ...(tool.annotations === undefined ? {} : { annotations: annotationsOf(tool.annotations) }),
})

/** What the protocol knows of them: the rest is nobody's to read, and could be of any size. */
function annotationsOf(said: Record<string, unknown>): Record<string, unknown> {
  const hints = HINTS.filter((name) => typeof said[name] === 'boolean').map((name) => [name, said[name]])
  const title = typeof said.title === 'string' ? { title: said.title.slice(0, LONGEST_TITLE) } : {}
  return { ...Object.fromEntries(hints), ...title }
}

/** The same for the same words, in whatever order a server writes its fields. */
export const hashOf = (definition: Definition): string =>
  createHash('sha256').update(canonicalJson(definition)).digest('hex')

export type Change = { path: string; before?: unknown; after?: unknown }

/** What differs, leaf by leaf, for a person to read. */
export function changesBetween(before: unknown, after: unknown, path = ''): Change[] {
  if (isJsonObject(before) && isJsonObject(after))
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) =>
      changesBetween(before[key], after[key], path ? `${path}.${key}` : key),
    )
  if (isDeepStrictEqual(before, after)) return []
  return [{ path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }]
}
