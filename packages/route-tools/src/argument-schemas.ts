import { isRaw, isStreamed, type Route } from '@jan/service-kit/route'
import { z } from 'zod'
import { type JsonObjectSchema, objectSchemaOf } from './json-schema.ts'

/** Where an argument of a tool goes in the request. */
export type Place = 'path' | 'query' | 'body'

/** The arguments of a tool, and the place of each. */
export type Arguments = { inputSchema: JsonObjectSchema; places: ReadonlyMap<string, Place> }

type Fields = { properties: Record<string, unknown>; required: string[]; $defs: Record<string, unknown> }

/** One schema of what stands in path, query and body of a route. @throws Error when they cannot be one list of names */
export function argumentsOf(route: Route): Arguments {
  const hidden = new Set(route.tool?.hidden)
  const places = new Map<string, Place>()
  const merged: Fields = { properties: {}, required: [], $defs: {} }
  for (const [place, fields] of partsOf(route)) {
    for (const [name, schema] of Object.entries(fields.properties)) {
      if (hidden.delete(name)) {
        if (fields.required.includes(name)) throw refused(route, `it cannot do without ${name}, which is hidden`)
        continue
      }
      const other = places.get(name)
      if (other) throw refused(route, `${name} is a field of its ${other} and of its ${place}`)
      places.set(name, place)
      merged.properties[name] = schema
      if (fields.required.includes(name)) merged.required.push(name)
    }
    Object.assign(merged.$defs, fields.$defs)
  }
  const [unknown] = hidden
  if (unknown !== undefined) throw refused(route, `it hides ${unknown}, which it does not have`)
  return { inputSchema: schemaOf(merged), places }
}

export const refused = ({ operation }: Route, why: string) => new Error(`${operation} cannot be a tool: ${why}`)

function* partsOf(route: Route): Generator<[Place, Fields]> {
  const { params, query, body } = route
  if (params) yield ['path', fieldsOf(route, 'path', params)]
  if (query) yield ['query', fieldsOf(route, 'query', query)]
  if (!body) return
  if (isRaw(body) || isStreamed(body)) throw refused(route, 'its body is not plain JSON')
  const given = bare(body)
  const fields = fieldsOf(route, 'body', given)
  yield ['body', given === body ? fields : { ...fields, required: [] }]
}

/** A schema without what makes it optional. */
function bare(schema: z.ZodType): z.ZodType {
  const mayBeAbsent =
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault
  return mayBeAbsent ? bare(schema.unwrap() as z.ZodType) : schema
}

function fieldsOf(route: Route, place: Place, schema: z.ZodType): Fields {
  const json = objectSchemaOf(schema, 'input') as Partial<Fields> | undefined
  if (!json?.properties) throw refused(route, `its ${place} is no object with named fields`)
  return { properties: json.properties, required: json.required ?? [], $defs: json.$defs ?? {} }
}

/** A name that is not there is told: it has no place to go to. */
const schemaOf = ({ properties, required, $defs }: Fields): JsonObjectSchema => ({
  type: 'object',
  properties,
  ...(required.length > 0 ? { required } : {}),
  additionalProperties: false,
  ...(Object.keys($defs).length > 0 ? { $defs } : {}),
})
