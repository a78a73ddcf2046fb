import { OpenAiError } from './openai-error.ts'

/** A value that fits a simple JSON Schema, `text` standing in every string. Throws 400 where it is not simple. */
export function fillSchema(schema: Record<string, unknown>, text: string): unknown {
  const { type, enum: values, minimum = 1, maxLength } = schema
  if ('const' in schema) return schema.const
  if (Array.isArray(values)) return values[0]
  if (Array.isArray(schema.anyOf)) return fillSchema(schema.anyOf[0], text)
  switch ([type].flat()[0]) {
    case 'object': {
      const properties = (schema.properties ?? {}) as Record<string, Record<string, unknown>>
      const names = (schema.required ?? Object.keys(properties)) as string[]
      return Object.fromEntries(names.map((name) => [name, fillSchema(properties[name] ?? {}, text)]))
    }
    case 'array':
      return [fillSchema((schema.items ?? {}) as Record<string, unknown>, text)]
    case 'string':
      return text.slice(0, maxLength as number | undefined)
    case 'integer':
    case 'number':
      return minimum
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      if (Object.keys(schema).every((key) => ['title', 'description', 'default'].includes(key))) return text
      throw new OpenAiError(400, `The simulator cannot fill the schema ${JSON.stringify(schema)}.`, null, 'schema')
  }
}
