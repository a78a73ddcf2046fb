import { createHash } from 'node:crypto'

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
  createHash('sha256')
    .update(JSON.stringify(sorted(definition)))
    .digest('hex')

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, each]) => [key, sorted(each)]),
  )
}

export type Change = { path: string; before?: unknown; after?: unknown }

/** What differs, leaf by leaf, for a person to read. */
export function changesBetween(before: unknown, after: unknown, path = ''): Change[] {
  if (isRecord(before) && isRecord(after))
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) =>
      changesBetween(before[key], after[key], path ? `${path}.${key}` : key),
    )
  if (JSON.stringify(sorted(before)) === JSON.stringify(sorted(after))) return []
  return [{ path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }]
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
