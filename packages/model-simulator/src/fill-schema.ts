import { OpenAiError } from './openai-error.ts'

type Schema = Record<string, unknown>
type Limits = { minimum?: number; maximum?: number; minLength?: number; maxLength?: number }

/** A value that fits a simple JSON Schema, `text` standing in every string. Throws 400 where it is not simple. */
export function fillSchema(schema: Schema, text: string): unknown {
  if ('const' in schema) return schema.const
  if (Array.isArray(schema.enum)) return schema.enum[0]
  const either = schema.anyOf ?? schema.oneOf
  if (Array.isArray(either)) return fillSchema(either[0], text)
  const type = typeOf(schema)
  if (type === 'array') return [fillSchema((schema.items ?? {}) as Schema, text)]
  if (type === 'object') {
    const properties = (schema.properties ?? {}) as Record<string, Schema>
    const names = (schema.required ?? Object.keys(properties)) as string[]
    return Object.fromEntries(names.map((name) => [name, fillSchema(properties[name] ?? {}, text)]))
  }
  const { minimum: least = -Infinity, maximum: most = Infinity, minLength = 0, maxLength } = schema as Limits
  const number = Math.min(Math.max(1, least), most)
  const string = text.slice(0, maxLength).padEnd(minLength, '.')
  const simple: Record<string, unknown> = { string, integer: number, number, boolean: true, null: null }
  if (Object.hasOwn(simple, type)) return simple[type]
  throw new OpenAiError(400, `The simulator cannot fill the schema ${JSON.stringify(schema)}.`)
}

/** A schema without a type allows a text; what else it may demand is not simple. */
function typeOf(schema: Schema): string {
  if (schema.type !== undefined) return String([schema.type].flat()[0])
  if (schema.properties) return 'object'
  return ['$ref', 'allOf', 'not', 'if'].some((name) => name in schema) ? 'unknown' : 'string'
}
