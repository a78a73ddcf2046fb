import { z } from 'zod'

const NAMES = 128

const ToolName = z.string().regex(/^[A-Za-z0-9_.:/-]{1,128}$/, 'expected the name of a tool: letters, digits and _.:/-')

/** Few stars: a matcher's work grows with each. */
const ToolPattern = z
  .string()
  .regex(
    /^(?=.{1,128}$)[A-Za-z0-9_.:/-]*(\*[A-Za-z0-9_.:/-]*){0,4}$/,
    'expected the name of a tool, with at most four * for any text',
  )

const patterns = z.array(ToolPattern).max(NAMES)
const Named = z.strictObject({ tool_names: z.array(ToolName).max(NAMES).default([]) })
const ByName = z.strictObject({ always: Named.optional(), never: Named.optional() })

export const RequireApproval = z.union(
  [z.enum(['always', 'never']), ByName],
  "expected 'always', 'never', or {always: {tool_names}, never: {tool_names}}",
)
export type RequireApproval = z.output<typeof RequireApproval>

/** Strict: what is not understood here must not look as if it protected anything. */
export const ToolPolicy = z
  .strictObject({
    allow: patterns.default(['*']).describe('Patterns of tool names; by default every tool that the caller may use'),
    deny: patterns.default([]).describe('Patterns of tool names; they win over allow'),
    require_approval: RequireApproval.default('always').describe(
      "As of OpenAI's MCP tool; a tool that is named in neither list needs approval",
    ),
    execute: z.boolean().default(false).describe('Whether this server runs the tools, also where it is not asked to'),
  })
  .refine(({ require_approval: asked }) => !isContradiction(asked), {
    path: ['require_approval'],
    message: 'a tool cannot be both in always and in never',
  })
export type ToolPolicy = z.output<typeof ToolPolicy>

function isContradiction(asked: RequireApproval): boolean {
  if (typeof asked === 'string') return false
  const never = new Set(asked.never?.tool_names)
  return asked.always?.tool_names.some((name) => never.has(name)) ?? false
}
