import { z } from 'zod'

export const ROLES = ['user', 'assistant', 'system', 'developer', 'tool', 'critic', 'discriminator', 'unknown'] as const
export type Role = (typeof ROLES)[number]

const STATUSES = [
  'in_progress',
  'completed',
  'incomplete',
  'failed',
  'cancelled',
  'searching',
  'generating',
  'interpreting',
  'calling',
  'streaming',
  'rate_limited',
]

const Status = z.enum(STATUSES, `expected one of ${STATUSES.join(', ')}`).nullish()
const Output = z.union([z.string(), z.array(z.looseObject({ type: z.string() }))], 'expected a text or a list of parts')
const Call = { call_id: z.string('required'), status: Status }
const anything = { status: Status }

/** What is checked of each type of item, beside its name. Everything else of an item is kept as it came. */
const FIELDS: Record<string, z.ZodRawShape> = {
  message: { role: z.enum(ROLES, `expected one of ${ROLES.join(', ')}`), status: Status },
  function_call: { ...Call, name: z.string('required'), arguments: z.string('expected a text of JSON') },
  function_call_output: { ...Call, output: Output },
  custom_tool_call: { ...Call, name: z.string('required'), input: z.string('required') },
  custom_tool_call_output: { ...Call, output: Output },
  reasoning: { summary: z.array(z.looseObject({ type: z.string() })).optional(), status: Status },
  mcp_list_tools: { server_label: z.string('required'), tools: z.array(z.looseObject({ name: z.string() })) },
  mcp_call: { server_label: z.string('required'), name: z.string('required'), arguments: z.string(), status: Status },
  mcp_approval_request: { server_label: z.string('required'), name: z.string('required'), arguments: z.string() },
  mcp_approval_response: { approval_request_id: z.string('required'), approve: z.boolean() },
  image_generation_call: anything,
  code_interpreter_call: anything,
  web_search_call: anything,
  file_search_call: anything,
  computer_call: Call,
  computer_call_output: { ...Call, output: z.looseObject({ type: z.string() }) },
  local_shell_call: Call,
  local_shell_call_output: { status: Status, output: z.string('required') },
  shell_call: Call,
  shell_call_output: Call,
  apply_patch_call: Call,
  apply_patch_call_output: Call,
  tool_search_call: anything,
  tool_search_output: anything,
  additional_tools: anything,
  configuration_update: anything,
  compaction: anything,
  program: anything,
  program_output: anything,
  // Names that older Jan clients use.
  file_search: anything,
  web_search: anything,
  code_interpreter: anything,
  computer_use: anything,
  mcp_item: anything,
  image_generation: anything,
}

export const SCHEMAS = new Map(Object.entries(FIELDS).map(([type, fields]) => [type, z.looseObject(fields)]))

/** Types whose status OpenAI always tells. */
const TOLD = /^(message|function_call|function_call_output|.*_call)$/
export const alwaysHasStatus = (type: string): boolean => TOLD.test(type)
