import { invalid } from '@jan/service-kit/errors'
import { z } from 'zod'
import type { CreateResponse, Item } from './response.schema.ts'

const text = z.string()
const id = z
  .string()
  .regex(/^[\w-]{1,128}$/, 'expected letters, digits, - and _')
  .optional()
const status = z.string().optional()

const Content = z.union([text, z.array(z.looseObject({ type: text }))], 'expected a text or a list of parts')

/** The kinds of items a caller may send; our own output comes back as it was. */
const KINDS: Record<string, z.ZodType<Record<string, unknown>>> = {
  message: z.looseObject({
    id,
    status,
    role: z.enum(['user', 'assistant', 'system', 'developer']),
    content: Content,
  }),
  function_call: z.looseObject({ id, status, call_id: text, name: text, arguments: text }),
  function_call_output: z.looseObject({ id, status, call_id: text, output: Content }),
  mcp_call: z.looseObject({ id, status, name: text, arguments: text, output: text.nullish() }),
  reasoning: z.looseObject({ id, status }),
}

const PREFIXES: Record<string, string> = {
  message: 'msg',
  function_call: 'fc',
  function_call_output: 'fco',
  mcp_call: 'mcp',
  reasoning: 'rs',
}

/** The input as items in their stored form: typed, with an id and a status each. @throws AppError naming the field */
export function readInput(input: CreateResponse['input'], newId: (prefix: string) => string): Item[] {
  const items: Record<string, unknown>[] =
    typeof input === 'string' ? [{ type: 'message', role: 'user', content: input }] : input
  return items.map((item, at) => {
    const type = typeof item.type === 'string' ? item.type : 'message'
    const kind = KINDS[type]
    if (!kind) throw invalid(`input.${at}.type: items of type '${type}' are not supported`, `input.${at}.type`)
    const parsed = kind.safeParse(item)
    if (!parsed.success) throw wrongItem(at, parsed.error)
    const stored = { status: 'completed', ...parsed.data, type, id: String(parsed.data.id ?? newId(PREFIXES[type]!)) }
    return type === 'message' ? { ...stored, content: partsOf(parsed.data) } : stored
  })
}

function wrongItem(at: number, error: z.ZodError) {
  const issue = error.issues[0]
  const param = ['input', at, ...(issue?.path ?? [])].join('.')
  return invalid(`${param}: ${issue?.message}`, param)
}

/** A text becomes the one part it stands for, as in every answer of this API. */
function partsOf({ content, role }: Record<string, unknown>): unknown {
  if (typeof content !== 'string') return content
  return role === 'assistant'
    ? [{ type: 'output_text', text: content, annotations: [], logprobs: [] }]
    : [{ type: 'input_text', text: content }]
}
