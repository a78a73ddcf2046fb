import { Ajv } from '@modelcontextprotocol/client/validators/ajv'
import type { JsonObjectSchema } from '../tools/offered-tool.ts'
import { simplifySchema } from './simplify-schema.ts'

/** What a schema of a stranger may be. */
const MOST_BYTES = 64 << 10
const DEEPEST = 24
const MOST_NODES = 5_000
/** Larger answers are not checked; nor those that the size of the schema makes dear. */
const MOST_CHECKED_BYTES = 256 << 10
const MOST_CHECKS = 1 << 24
const LONGEST_PATTERN = 200
/** Keywords whose keys are names of their own, not keywords. */
const MAPS = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas', 'dependencies'])
/** Keywords that hold values, not schemas. */
const VALUES = new Set(['const', 'default', 'enum', 'examples', 'required', 'type'])

/** Whether a value fits; the text says why not. */
export type Fits = (value: unknown) => string | undefined
export type ForeignSchema = { schema: JsonObjectSchema; fits: Fits }

/**
 * A schema of what a server's tool takes, as it may be passed on. We never run it: the server checks what it is given.
 * It is its own but for patterns that look dangerous, as a courtesy to clients that do run it.
 * @throws Error saying in plain words why it cannot be used
 */
export function takeInputSchema(given: unknown): JsonObjectSchema {
  const root = requireObjectSchema(given)
  const schema = tame(root, { nodes: 0 }, 0) as JsonObjectSchema
  simplifySchema(root)
  return schema
}

/**
 * A schema of what a server's tool answers, made simple (`simplifySchema`): clients run it as we do. Whatever it and the
 * answer are, `fits` costs little: an answer that is too large for it fits.
 * @throws Error saying in plain words why it cannot be used
 */
export function takeOutputSchema(given: unknown): ForeignSchema {
  const root = requireObjectSchema(given)
  tame(root, { nodes: 0 }, 0)
  const { schema, nodes } = simplifySchema(root)
  // When it is first wanted: a hundred tools are listed, and few are called.
  let compiled: ReturnType<typeof compile> | undefined
  return {
    schema,
    fits: (value) => {
      const bytes = JSON.stringify(value).length
      if (bytes > MOST_CHECKED_BYTES || bytes * nodes > MOST_CHECKS) return undefined
      compiled ??= compile(schema)
      return compiled(value)
    },
  }
}

/** Not all errors are told: there could be millions. Formats are notes, says JSON Schema. */
function compile(schema: JsonObjectSchema): Fits {
  const ajv = new Ajv({ strict: false, validateSchema: false, validateFormats: false, logger: false })
  const validate = ajv.compile(schema)
  return (value) => (validate(value) ? undefined : ajv.errorsText(validate.errors))
}

function requireObjectSchema(given: unknown): Record<string, unknown> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new Error('the schema is no object')
  if (JSON.stringify(given).length > MOST_BYTES) throw new Error(`the schema is larger than ${MOST_BYTES} bytes`)
  if ((given as { type?: unknown }).type !== 'object') throw new Error('the schema does not describe an object')
  return given as Record<string, unknown>
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
 * Whether a pattern looks as if it ended in good time: no repeated group that itself repeats or chooses, no look around,
 * no back reference, few open ends. This is no proof, so no pattern of a stranger is run in this process.
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
