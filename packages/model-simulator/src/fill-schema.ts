import type { JsonSchema } from './chat-request.ts'
import { check } from './openai-error.ts'

/** A value that fits a simple JSON Schema, `text` standing in every string. Throws 400 on a schema it cannot fill. */
export function fillSchema(schema: JsonSchema, text: string): unknown {
  const { type, properties = {}, enum: values, anyOf, minLength, maxLength, minimum, maximum } = schema
  if ('const' in schema) return schema.const
  if (Array.isArray(values)) return values[0]
  if (Array.isArray(anyOf)) return fillSchema(anyOf[0], text)
  const kinds = Array.isArray(type) ? type : [type]
  const fields = properties as Record<string, JsonSchema>
  switch (kinds.find((kind) => kind !== 'null') ?? kinds[0]) {
    case 'object': {
      const required = (schema.required ?? Object.keys(fields)) as string[]
      return Object.fromEntries(required.map((name) => [name, fillSchema(fields[name] ?? { type: 'string' }, text)]))
    }
    case 'array': {
      const items = (schema.items ?? { type: 'string' }) as JsonSchema
      return Array.from({ length: Number(schema.minItems ?? schema.maxItems ?? 1) }, () => fillSchema(items, text))
    }
    case 'string':
      return text.slice(0, Number(maxLength ?? Number.POSITIVE_INFINITY)).padEnd(Number(minLength ?? 0), '.')
    case 'integer':
    case 'number':
      return Number(minimum ?? maximum ?? 1)
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      check(false, `The simulator cannot fill the schema ${JSON.stringify(schema).slice(0, 200)}.`, 'schema')
  }
}
