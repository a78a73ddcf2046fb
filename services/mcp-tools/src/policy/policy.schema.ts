import { z } from 'zod'
import { parsePointer } from '../scrape/json-pointer.ts'
import { Surface } from '../tools/surface.ts'
import { compileRegex, LONGEST_PATTERN } from './linear-pattern.ts'

const oneOrMore = <T extends z.ZodType>(item: T, what: string) =>
  z.union([item, z.array(item).min(1).max(200)], { error: `expected ${what}, or a list of that` })

const Glob = z.string().min(1).max(LONGEST_PATTERN)
const Globs = oneOrMore(Glob, `a glob of at most ${LONGEST_PATTERN} characters`)
const Names = Globs.describe('Globs: * is any text, ? any character; with a leading !, what is left out')

const KINDS = ['guest', 'user', 'key', 'admin', 'service', 'everyone'] as const
const Decision = z.enum(['allow', 'ask', 'deny'])
const Regex = z.strictObject({ regex: z.string().min(1), ignore_case: z.boolean().default(false) })
const Condition = z.union([Glob, z.array(Glob).min(1).max(200), Regex], {
  error: 'expected a glob, a list of globs, or {regex, ignore_case}',
})

const Rate = z.string().regex(/^[1-9]\d{0,6}\/[smhd]$/, 'expected a rate such as 30/m: a number in a s, m, h or d')

function problemOf(pointer: string, condition: z.output<typeof Condition>): string | undefined {
  if (!parsePointer(pointer)?.length) return 'expected a JSON pointer, such as /url'
  if (typeof condition === 'string' || Array.isArray(condition)) return undefined
  try {
    compileRegex(condition.regex, { ignoreCase: condition.ignore_case })
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

export const PolicyRule = z
  .strictObject({
    name: z.string().min(1).max(100).optional().describe('Told to whoever is refused by it; no two are the same'),
    who: oneOrMore(z.enum(KINDS), KINDS.join(', '))
      .optional()
      .describe('guest, user (with a token), key, admin, service (for itself); everyone when left out'),
    scope: Names.optional().describe('Scopes of a key, one of which it must have; people have all'),
    assistant: Names.optional().describe('Ids of assistants that speak for somebody'),
    surface: oneOrMore(Surface, Surface.options.join(', ')).optional(),
    server: Names.optional().describe('jan (built in), platform, or the name of a bridged server'),
    tool: Names.optional(),
    annotations: z
      .strictObject({
        read_only: z.boolean().optional(),
        destructive: z.boolean().optional(),
        idempotent: z.boolean().optional(),
        open_world: z.boolean().optional(),
      })
      .optional()
      .describe('What the tool says of itself'),
    paid: z.boolean().optional().describe('Whether a call costs the operator money'),
    arguments: z
      .record(z.string(), Condition)
      .optional()
      .describe('JSON pointer to a glob, several of which one must fit, or {regex, ignore_case}'),
    decide: Decision,
    rate: Rate.optional().describe('Most calls of each person or key under this rule: 30/m, 500/d'),
  })
  .meta({ id: 'PolicyRule' })
export type PolicyRule = z.output<typeof PolicyRule>

export const ToolPolicy = z
  .strictObject({
    paid: z.array(Glob).max(200).default([]).describe('Tools that cost money beside those that say so themselves'),
    rules: z.array(PolicyRule).max(500).describe('The first that fits decides'),
    otherwise: Decision.default('deny').describe('When no rule fits'),
  })
  .check(({ value, issues }) => {
    const wrong = (message: string, path: PropertyKey[]) =>
      issues.push({ code: 'custom', input: value, message, path: ['rules', ...path] })
    const names = value.rules.map(({ name }) => name)
    for (const [index, { name, arguments: conditions = {} }] of value.rules.entries()) {
      if (name !== undefined && names.indexOf(name) < index) wrong(`two rules are named '${name}'`, [index, 'name'])
      for (const [pointer, condition] of Object.entries(conditions)) {
        const problem = problemOf(pointer, condition)
        if (problem) wrong(problem, [index, 'arguments', pointer])
      }
    }
  })
  .meta({ id: 'ToolPolicy' })
export type ToolPolicy = z.output<typeof ToolPolicy>

export const ToolPolicyAnswer = z
  .looseObject({
    object: z.literal('tool_policy'),
    source: z.enum(['file', 'database']).describe('database: an admin has set it, in place of the file'),
    policy: ToolPolicy,
    updated_at: z.iso.datetime().nullable(),
    updated_by: z.string().nullable().describe('Subject of the admin'),
  })
  .meta({ id: 'ToolPolicyAnswer' })
