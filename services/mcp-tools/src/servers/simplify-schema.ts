import { isJsonObject } from '@jan/service-kit/json-body'
import type { JsonObjectSchema } from '../tools/offered-tool.ts'

/** Most parts of a simple schema, of which references make copies. */
const MOST_NODES = 1_000
/** How many references deep it is followed. */
const MOST_REFERENCES = 8

const TYPES = new Set(['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'])
const NUMBERS = new Set([
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'minLength', 'maxLength'],
  ...['minItems', 'maxItems', 'minProperties', 'maxProperties'],
])
const NOTES = new Set(['title', 'description', 'format'])

type Schema = Record<string, unknown>
type Work = { root: Schema; left: number }

/**
 * A schema that takes all that the given one takes, and maybe more, but is cheap to compile and to run: at most
 * 1,000 parts, no references, no patterns, nothing that compares items with each other. Only such keywords are left as
 * ask for no less when a part within them asks for less: where a part is too much, it asks for nothing. So `oneOf`
 * becomes `anyOf`, and `not`, `if` and all that depends on what others have seen are gone, as are tuples.
 * @returns `nodes` are its parts
 * @throws Error when a keyword that is left does not hold what it should
 */
export function simplifySchema(root: Schema): { schema: JsonObjectSchema; nodes: number } {
  const work = { root, left: MOST_NODES }
  const simple = simplify(root, work, 0)
  const schema = (isJsonObject(simple) ? simple : { type: 'object' }) as JsonObjectSchema
  return { schema, nodes: MOST_NODES - work.left + 1 }
}

function simplify(given: unknown, work: Work, references: number): Schema | boolean {
  if (typeof given === 'boolean') return given
  if (!isJsonObject(given)) throw new Error('a part of the schema is no schema')
  const cost = costOf(given)
  if (cost > work.left) return true
  work.left -= cost
  const inner = (value: unknown) => simplify(value, work, references)
  const simple: Schema = {}
  for (const [key, value] of Object.entries(given)) {
    if (key === 'type') simple.type = requireTypes(value)
    else if (NUMBERS.has(key)) simple[key] = requireNumber(key, value)
    else if (NOTES.has(key) && typeof value === 'string') simple[key] = value
    else if (key === 'const' || (key === 'nullable' && value === true && 'type' in given)) simple[key] = value
    else if (key === 'enum' || key === 'required') simple[key] = requireList(key, value)
    else if (key === 'properties') simple.properties = simplifyEach(value, inner)
    else if (key === 'additionalProperties' && !('patternProperties' in given)) simple[key] = inner(value)
    else if (key === 'items' && !Array.isArray(value) && !('prefixItems' in given)) simple.items = inner(value)
    else if (key === 'anyOf' || key === 'allOf') simple[key] = requireList(key, value).map(inner)
    else if (key === 'oneOf' && !('anyOf' in given)) simple.anyOf = requireList(key, value).map(inner)
  }
  const target = references < MOST_REFERENCES ? targetOf(given.$ref, work.root) : undefined
  if (target !== undefined) {
    const referred = simplify(target, work, references + 1)
    simple.allOf = [...((simple.allOf as unknown[] | undefined) ?? []), referred]
  }
  return simple
}

/** What a schema itself holds, without what is in its parts. */
const costOf = (schema: Schema): number =>
  Object.values(schema).reduce<number>(
    (sum, value) => sum + (typeof value === 'object' && value !== null ? Object.keys(value).length : 0),
    1,
  )

function simplifyEach(value: unknown, inner: (value: unknown) => unknown): Schema {
  if (!isJsonObject(value)) throw new Error('properties are no object')
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, inner(each)]))
}

/** What `#/…` leads to; undefined for all other references: they are not followed. */
function targetOf(reference: unknown, root: Schema): unknown {
  if (typeof reference !== 'string' || !/^#(\/|$)/.test(reference)) return undefined
  let found: unknown = root
  for (const part of reference.split('/').slice(1)) {
    const name = decode(part).replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined
    found = (found as Schema)[name]
  }
  return found
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

function requireTypes(value: unknown): unknown {
  const types = Array.isArray(value) ? value : [value]
  if (types.length === 0 || !types.every((type) => TYPES.has(type))) throw new Error('the schema has an unknown type')
  return value
}

function requireNumber(key: string, value: unknown): number {
  if (typeof value !== 'number') throw new Error(`${key} is no number`)
  return value
}

function requireList(key: string, value: unknown): unknown[] {
  if (!Array.isArray(value) || (value.length === 0 && key !== 'required')) throw new Error(`${key} is no list`)
  if (key === 'required' && !value.every((name) => typeof name === 'string'))
    throw new Error('required is no list of names')
  return value
}
