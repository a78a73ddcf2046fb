import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'

/** Whether values fit. @throws Error, in words, when the schema is none */
export const compileSchema = (schema: object): ValidateFunction =>
  new Ajv2020({ strict: false, validateFormats: false }).compile(schema)

/** A schema in the engine's dialect, which knows `oneOf` alone and means by it what `anyOf` says. */
export function forGrammar<T>(schema: T): T {
  if (Array.isArray(schema)) return schema.map(forGrammar) as T
  if (typeof schema !== 'object' || schema === null) return schema
  const entries = Object.entries(schema).map(([key, value]) => [
    key === 'anyOf' && Array.isArray(value) ? 'oneOf' : key,
    forGrammar(value),
  ])
  return Object.fromEntries(entries) as T
}
