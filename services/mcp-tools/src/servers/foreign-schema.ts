import { AjvJsonSchemaValidator } from '@modelcontextprotocol/client/validators/ajv'
import type { JsonObjectSchema } from '../tools/offered-tool.ts'

/** What a schema of a stranger may cost us: it is compiled, and run, in this process. */
const MOST_BYTES = 64 << 10
const DEEPEST = 24
const MOST_NODES = 5_000
const LONGEST_PATTERN = 200
/** Keywords whose keys are names of their own, not keywords. */
const MAPS = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas', 'dependencies'])
/** Keywords that hold values, not schemas. */
const VALUES = new Set(['const', 'default', 'enum', 'examples', 'required', 'type'])

/** Whether a value fits; the text says why not. */
export type Fits = (value: unknown) => string | undefined
export type ForeignSchema = { schema: JsonObjectSchema; fits: Fits }

/**
 * A schema of a server, as it may be passed on, compiled. It is the server's own but for patterns that could take for
 * ever on some text: these are left out, the server checks them anyway.
 * @param compiler making one costs more than compiling; it keeps all it compiled, so it should not outlive a list of tools
 * @throws Error saying in plain words why it cannot be used
 */
export function takeSchema(given: unknown, compiler = new AjvJsonSchemaValidator()): ForeignSchema {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new Error('the schema is no object')
  const text = JSON.stringify(given)
  if (text.length > MOST_BYTES) throw new Error(`the schema is larger than ${MOST_BYTES} bytes`)
  if ((given as { type?: unknown }).type !== 'object') throw new Error('the schema does not describe an object')
  const schema = tame(given, { nodes: 0 }, 0) as JsonObjectSchema
  // Two schemas of one id would be a conflict in one compiler.
  const validate = (text.includes('"$id"') ? new AjvJsonSchemaValidator() : compiler).getValidator(schema)
  return {
    schema,
    fits: (value) => {
      const result = validate(value)
      return result.valid ? undefined : result.errorMessage
    },
  }
}

function tame(node: unknown, count: { nodes: number }, depth: number): unknown {
  if (++count.nodes > MOST_NODES) throw new Error(`the schema has more than ${MOST_NODES} parts`)
  if (depth > DEEPEST) throw new Error(`the schema is nested deeper than ${DEEPEST}`)
  if (Array.isArray(node)) return node.map((each) => tame(each, count, depth + 1))
  if (typeof node !== 'object' || node === null) return node
  const entries = Object.entries(node).flatMap(([key, value]): [string, unknown][] => {
    if (key === '$ref' || key === '$dynamicRef') requireLocal(value)
    if (key === 'pattern' && !isHarmless(value)) return []
    if (VALUES.has(key)) return [[key, value]]
    if (!MAPS.has(key) || typeof value !== 'object' || value === null) return [[key, tame(value, count, depth + 1)]]
    const named = Object.entries(value).filter(([name]) => key !== 'patternProperties' || isHarmless(name))
    return [[key, Object.fromEntries(named.map(([name, each]) => [name, tame(each, count, depth + 1)]))]]
  })
  return Object.fromEntries(entries)
}

function requireLocal(reference: unknown): void {
  if (typeof reference !== 'string' || !reference.startsWith('#'))
    throw new Error('the schema refers to something outside itself')
}

/**
 * Whether a pattern ends in good time whatever it is given: no repeated group that itself repeats or chooses, no look
 * around, no back reference, few open ends.
 */
export function isHarmless(pattern: unknown): boolean {
  if (typeof pattern !== 'string' || pattern.length > LONGEST_PATTERN) return false
  try {
    new RegExp(pattern, 'u')
  } catch {
    return false
  }
  const bare = pattern
    .replace(/\\[1-9k]/g, '(?=')
    .replace(/\\./g, 'x')
    .replace(/\[[^\]]*\]/g, 'x')
  if (/\(\?(?!:)/.test(bare)) return false
  if ((bare.match(/[*+]|\{\d+,\}/g) ?? []).length > 3) return false
  return !/[*+|}].*\)[*+?{]/.test(bare)
}
