import { OpenAiError } from './openai-error.ts'

type Schema = Record<string, unknown>

/** A value that fits a simple JSON Schema, `text` standing in every string. Throws 400 where it is not simple. */
export function fillSchema(schema: Schema, text: string): unknown {
  if ('const' in schema) return schema.const
  if (Array.isArray(schema.enum)) return schema.enum[0]
  if (Array.isArray(schema.anyOf)) return fillSchema(schema.anyOf[0], text)
  const type = String([schema.type].flat()[0])
  if (type === 'array') return [fillSchema((schema.items ?? {}) as Schema, text)]
  if (type === 'object') {
    const properties = (schema.properties ?? {}) as Record<string, Schema>
    const names = (schema.required ?? Object.keys(properties)) as string[]
    return Object.fromEntries(names.map((name) => [name, fillSchema(properties[name] ?? {}, text)]))
  }
  const simple: Record<string, unknown> = { string: text, integer: 1, number: 1, boolean: true, null: null }
  if (Object.hasOwn(simple, type)) return simple[type]
  throw new OpenAiError(400, `The simulator cannot fill the schema ${JSON.stringify(schema)}.`)
}
