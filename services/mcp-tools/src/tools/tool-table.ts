import { z } from 'zod'
import type { Audience, Tool } from './tool.ts'

type JsonObjectSchema = { type: 'object'; [key: string]: unknown }

/** A tool as clients see it. */
export type ListedTool = Pick<Tool, 'name' | 'title' | 'description' | 'annotations'> & {
  inputSchema: JsonObjectSchema
  outputSchema: JsonObjectSchema
}

export type ToolTable = {
  get(name: string): Tool | undefined
  /** Sorted by name. Built once: the same object every time. */
  list(audience: Audience): ListedTool[]
}

/** @throws Error when two tools share a name, or a schema is not of an object */
export function buildToolTable(tools: Tool[]): ToolTable {
  const sorted = tools.toSorted((one, other) => (one.name < other.name ? -1 : 1))
  const byName = new Map(sorted.map((tool) => [tool.name, tool]))
  if (byName.size < tools.length) throw new Error('Two tools have the same name')
  const lists: Record<Audience, ListedTool[]> = {
    direct: sorted.map((tool) => presentTool(tool, tool.input)),
    service: sorted.map((tool) => presentTool(tool, tool.serviceInput ?? tool.input)),
  }
  return { get: (name) => byName.get(name), list: (audience) => lists[audience] }
}

const presentTool = ({ name, title, description, output, annotations }: Tool, input: z.ZodType): ListedTool => ({
  name,
  title,
  description,
  inputSchema: objectSchema(name, input, 'input'),
  outputSchema: objectSchema(name, output, 'output'),
  annotations,
})

function objectSchema(tool: string, schema: z.ZodType, io: 'input' | 'output'): JsonObjectSchema {
  // Without the dialect: older clients compile with draft 7 and refuse a name they do not know.
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, { io })
  if (json.type !== 'object') throw new Error(`The ${io} of ${tool} is not an object`)
  return json as JsonObjectSchema
}
