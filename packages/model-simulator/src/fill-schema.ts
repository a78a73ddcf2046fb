import { OpenAiError } from './openai-error.ts'

/** The part of JSON Schema that is understood. */
export type JsonSchema = {
  type?: string | string[]
  enum?: unknown[]
  properties?: Record<string, JsonSchema>
  required?: string[]
  items?: JsonSchema
  minimum?: number
  maxLength?: number
}

/** A value that fits a simple schema, `text` standing in every string. Throws 400 on a schema it does not understand. */
export function fillSchema(schema: JsonSchema, text: string): unknown {
  const { enum: values, properties = {}, required = Object.keys(properties), items = { type: 'string' } } = schema
  if (values) return values[0]
  switch ([schema.type].flat()[0]) {
    case 'object':
      return Object.fromEntries(
        required.map((name) => [name, fillSchema(properties[name] ?? { type: 'string' }, text)]),
      )
    case 'array':
      return [fillSchema(items, text)]
    case 'string':
      return text.slice(0, schema.maxLength)
    case 'integer':
    case 'number':
      return schema.minimum ?? 1
    case 'boolean':
      return true
    default:
      throw new OpenAiError(400, `The simulator cannot fill the schema ${JSON.stringify(schema).slice(0, 200)}.`)
  }
}
