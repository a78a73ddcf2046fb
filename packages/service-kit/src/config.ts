import { z } from 'zod'

/** A value that does not show itself in logs, JSON or error texts. */
export class Secret {
  readonly #value: string
  constructor(value: string) {
    this.#value = value
  }
  reveal(): string {
    return this.#value
  }
  toString(): string {
    return '[secret]'
  }
  toJSON(): string {
    return '[secret]'
  }
}

/** One variable: a leaf of a config shape. */
export type EnvVar<S extends z.ZodType = z.ZodType> = {
  env: string
  schema: S
  description: string
  /** Former names, still read, with a warning. */
  old: string[]
}

export const env = <S extends z.ZodType>(
  name: string,
  schema: S,
  description: string,
  old: string[] = [],
): EnvVar<S> => ({
  env: name,
  schema,
  description,
  old,
})

/** A tree whose leaves are variables. It is the single source of types, checks, env files and tables. */
export type ConfigShape = { [key: string]: EnvVar | ConfigShape }

export type ConfigOf<T extends ConfigShape> = {
  [K in keyof T]: T[K] extends EnvVar<infer S> ? z.output<S> : T[K] extends ConfigShape ? ConfigOf<T[K]> : never
}

const isVar = (node: EnvVar | ConfigShape): node is EnvVar => typeof node.env === 'string'

/** All variables of a shape, in reading order. */
export const variablesOf = (shape: ConfigShape): EnvVar[] =>
  Object.values(shape).flatMap((node) => (isVar(node) ? [node] : variablesOf(node)))

/**
 * Reads a whole shape from flat variables; '' counts as unset. `check` adds what one variable cannot know.
 * @throws Error with every problem in one message, values left out
 */
export function readConfig<T extends ConfigShape>(
  shape: T,
  source: NodeJS.ProcessEnv,
  check: (config: ConfigOf<T>) => string[] = () => [],
  warn: (message: string) => void = (message) => process.stderr.write(`${message}\n`),
): ConfigOf<T> {
  const problems: string[] = []
  const read = (node: EnvVar | ConfigShape): unknown => {
    if (!isVar(node)) return Object.fromEntries(Object.entries(node).map(([key, child]) => [key, read(child)]))
    const name = [node.env, ...node.old].find((each) => source[each]) ?? node.env
    if (name !== node.env) warn(`${name} is an old name of ${node.env}`)
    const result = node.schema.safeParse(source[name] || undefined)
    if (!result.success)
      problems.push(`${name}: ${result.error.issues.map((issue) => issue.message).join('; ')} (${node.description})`)
    return result.data
  }
  const config = read(shape) as ConfigOf<T>
  if (problems.length === 0) problems.push(...check(config))
  if (problems.length > 0)
    throw new Error(`The configuration is not usable:\n${problems.map((line) => `  ${line}`).join('\n')}`)
  return config
}

export const flag = (byDefault: boolean) =>
  z
    .string()
    .default(String(byDefault))
    .transform((text, context) => {
      if (/^(true|1|yes|on)$/i.test(text)) return true
      if (/^(false|0|no|off)$/i.test(text)) return false
      context.addIssue({ code: 'custom', message: 'expected true or false' })
      return z.NEVER
    })

/** `45s`, `500ms`, `15m`, `2h` → milliseconds. */
export const duration = (byDefault: string) =>
  z
    .string()
    .regex(/^\d+(ms|s|m|h)$/, 'expected a duration like 500ms, 45s, 15m or 2h')
    .default(byDefault)
    .transform(
      (text) => Number.parseInt(text, 10) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[text.replace(/\d+/, '') as 's'],
    )

export const list = () =>
  z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((part) => part.trim())
        .filter(Boolean),
    )

/** Turns a reader that throws into a transform whose error names the problem. */
export const reading =
  <T, U>(read: (value: T) => U) =>
  (value: T, context: z.RefinementCtx): U => {
    try {
      return read(value)
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message })
      return z.NEVER
    }
  }

export const integer = (byDefault: number) => z.coerce.number().int().min(0).default(byDefault)
export const secret = () => z.string().transform((text) => new Secret(text))
