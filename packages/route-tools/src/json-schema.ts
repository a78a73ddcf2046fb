import { z } from 'zod'

export type JsonObjectSchema = { type: 'object'; [key: string]: unknown }

type Json = Record<string, unknown>

/**
 * JSON Schema of an object as it is sent in or out; undefined for what is none. Without the dialect: older clients
 * compile with draft 7 and refuse a name they do not know.
 */
export function objectSchemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonObjectSchema | undefined {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      // What every whole number is held to says nothing.
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
      // Answers may grow fields, and clients hold them against this.
      if (io === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties
    },
  }) as Json
  const root = withoutName(json)
  return root.type === 'object' ? (root as JsonObjectSchema) : undefined
}

/** A schema with a name is written as a reference to it: clients want to see an object. */
function withoutName(json: Json): Json {
  const name = /^#\/\$defs\/(.+)$/.exec(String(json.$ref))?.[1]
  if (name === undefined) return json
  const { [name]: root, ...others } = json.$defs as Record<string, Json>
  const isOfItself = JSON.stringify([root, others]).includes(`"#/$defs/${name}"`)
  const $defs = isOfItself ? { ...others, [name]: root } : others
  return { ...root, ...(Object.keys($defs).length > 0 ? { $defs } : {}) }
}
