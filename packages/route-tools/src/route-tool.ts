import type { Route } from '@jan/service-kit/route'
import type { z } from 'zod'
import { type Arguments, argumentsOf, refused } from './argument-schemas.ts'
import { type JsonObjectSchema, objectSchemaOf } from './json-schema.ts'

/** A tool as MCP lists it. */
export type ListedTool = {
  name: string
  title: string
  /** For the model that chooses. */
  description: string
  inputSchema: JsonObjectSchema
  outputSchema?: JsonObjectSchema
  annotations: { readOnlyHint: boolean; destructiveHint: boolean; idempotentHint: boolean; openWorldHint: boolean }
}

/** A route as a tool. */
export type RouteTool = { route: Route; listed: ListedTool; places: Arguments['places'] }

/** Leaves room in MCP's 64 characters for the prefix under which somebody else may offer it. */
const NAME = /^[A-Za-z0-9_-]{1,58}$/

/** The routes that say `tool`. @throws Error for one that cannot be a tool, and for a name that comes twice */
export function routeTools(routes: Route[]): RouteTool[] {
  const tools = routes.filter(({ tool }) => tool).map(routeTool)
  const names = tools.map(({ listed }) => listed.name)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw new Error(`Two routes are the tool ${twice}`)
  return tools
}

function routeTool(route: Route): RouteTool {
  const { operation, tool = {} } = route
  const { name = operation, title = humanise(name), description = descriptionOf(route) } = tool
  if (!NAME.test(name)) throw refused(route, `${name} is no name of one`)
  const { inputSchema, places } = argumentsOf(route)
  const outputSchema = outputOf(route)
  const annotations = annotationsOf(route)
  return {
    route,
    places,
    listed: { name, title, description, inputSchema, ...(outputSchema ? { outputSchema } : {}), annotations },
  }
}

/** `list_models` → `List models`. */
function humanise(name: string): string {
  const words = name.replace(/[_-]+/g, ' ').trim()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

const descriptionOf = ({ summary, description }: Route) =>
  description === undefined ? summary : `${summary.replace(/\.$/, '')}. ${description}`

function annotationsOf({ method, tool = {} }: Route): ListedTool['annotations'] {
  const { readonly = method === 'get', destructive = method === 'delete' } = tool
  return {
    readOnlyHint: readonly,
    destructiveHint: destructive,
    idempotentHint: readonly || method === 'put' || method === 'delete',
    // It reaches what this service keeps, and nothing else.
    openWorldHint: false,
  }
}

/** The schema of what it answers when all is well. None: it answers nothing, or no object. */
function outputOf(route: Route): JsonObjectSchema | undefined {
  const good = Object.entries(route.answers).flatMap(([status, shape]) => (status.startsWith('2') ? [shape] : []))
  if (good.length === 0) throw refused(route, 'it does not say what it answers when all is well')
  const schemas = good.filter((shape) => shape !== null)
  const streams = schemas.some((shape) => 'content' in shape)
  if (streams) throw refused(route, 'it answers with a stream')
  const [schema, ...more] = schemas as z.ZodType[]
  return schema && more.length === 0 ? objectSchemaOf(schema, 'output') : undefined
}
