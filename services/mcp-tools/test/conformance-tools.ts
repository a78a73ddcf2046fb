import {
  acceptedContent,
  type CallToolResult,
  type InputRequests,
  type InputRequiredResult,
  inputRequired,
  inputResponse,
} from '@modelcontextprotocol/server'
import type { Change } from '../src/mcp/changes.ts'
import type { Client } from '../src/tools/client.ts'
import { BUILT_IN, type OfferedTool } from '../src/tools/offered-tool.ts'
import type { ToolCall } from '../src/tools/tool.ts'

/** What the official suite asks for by name, as rows of the table of tools. */

type Args = Record<string, unknown>
type Result = CallToolResult | InputRequiredResult
type Run = (args: Args, call: ToolCall) => Result | Promise<Result>
type Schema = Record<string, unknown>

export const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='
const WAV = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA='

export const text = (said: string) => ({ type: 'text' as const, text: said })
export const image = { type: 'image' as const, data: PNG, mimeType: 'image/png' }
export const embedded = (uri: string, mimeType: string, said: string) => ({
  type: 'resource' as const,
  resource: { uri, mimeType, text: said },
})
const answer = (...content: CallToolResult['content']): CallToolResult => ({ content })

export const form = (message: string, properties: Record<string, Schema>, required: string[] = []) =>
  inputRequired.elicit({ message, requestedSchema: { type: 'object', properties, required } as never })
const field = (name: string, type: string, message: string) => form(message, { [name]: { type } }, [name])
const sampling = (said: string, maxTokens: number) =>
  inputRequired.createMessage({ messages: [{ role: 'user', content: text(said) }], maxTokens })

const tool = (name: string, run: Run, inputSchema: Schema = {}): OfferedTool => ({
  name,
  description: `What the suite asks of ${name}`,
  inputSchema: { type: 'object', properties: {}, ...inputSchema },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  server: BUILT_IN,
  paid: false,
  timeoutMs: 30_000,
  run: async (call, args) => run(args as Args, call),
})

const isAnswered = (client: Client, key: string) => inputResponse(client.answers, key).kind !== 'missing'
const saidTo = (client: Client, key: string) => {
  const view = inputResponse(client.answers, key)
  if (view.kind !== 'sampling') return undefined
  const [content] = [view.result.content].flat()
  return content?.type === 'text' ? content.text : undefined
}

/** Asks until everything is answered, and until what was sealed with the questions has come back. */
const asking = (
  name: string,
  questions: InputRequests | ((args: Args, client: Client) => InputRequests),
  done: (client: Client) => string,
  {
    seal = false,
    schema = {},
    fits = () => true,
  }: { seal?: boolean; schema?: Schema; fits?: (client: Client) => boolean } = {},
) =>
  tool(
    name,
    async (args, { client }) => {
      const wanted = typeof questions === 'function' ? questions(args, client) : questions
      const isDone = Object.keys(wanted).every((key) => isAnswered(client, key)) && fits(client)
      if (isDone && (!seal || client.state())) return answer(text(done(client)))
      return client.ask(wanted, seal ? { for: name } : undefined)
    },
    schema,
  )

const name = field('name', 'string', 'What is your name?')
const confirm = field('ok', 'boolean', 'Please confirm')
const content = (client: Client, key: string) => JSON.stringify(client.answers?.[key])
const titled = (names: string[]) => names.map((title, index) => ({ const: `value${index + 1}`, title }))
const OPTIONS = ['option1', 'option2', 'option3']

const plain: OfferedTool[] = [
  tool('test_simple_text', () => answer(text('This is a simple text response for testing.'))),
  tool('test_image_content', () => answer(image)),
  tool('test_audio_content', () => answer({ type: 'audio', data: WAV, mimeType: 'audio/wav' })),
  tool('test_embedded_resource', () =>
    answer(embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')),
  ),
  tool('test_multiple_content_types', () =>
    answer(
      text('Multiple content types test:'),
      image,
      embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
    ),
  ),
  tool('test_tool_with_logging', async (_args, { client }) => {
    for (const step of ['started', 'processing', 'completed']) await client.tell('info', `Tool execution ${step}`)
    return answer(text('logged'))
  }),
  tool('test_logging_tool', async (_args, { client }) => {
    await client.tell('info', 'only for who asked for it')
    return answer(text('logged'))
  }),
  tool('test_tool_with_progress', async (_args, { progress }) => {
    for (const percent of [0, 50, 100]) await progress(percent, 100, `at ${percent}`)
    return answer(text('progressed'))
  }),
  tool('test_error_handling', () => ({
    ...answer(text('This tool intentionally returns an error for testing')),
    isError: true,
  })),
  tool('test_streaming_elicitation', () => answer(text('result frames only'))),
  tool('json_schema_2020_12_tool', (args) => answer(text(JSON.stringify(args))), {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $defs: {
      address: {
        $anchor: 'addressDef',
        type: 'object',
        properties: { street: { type: 'string' }, city: { type: 'string' } },
      },
    },
    properties: {
      name: { type: 'string' },
      address: { $ref: '#/$defs/address' },
      contactMethod: { type: 'string', enum: ['phone', 'email'] },
      phone: { type: 'string' },
      email: { type: 'string' },
    },
    allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
    if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { required: ['phone'] },
    else: { required: ['email'] },
    additionalProperties: false,
  }),
]

const pushed: OfferedTool[] = [
  asking(
    'test_sampling',
    ({ prompt }) => ({ q: sampling(String(prompt), 100) }),
    (client) => `LLM response: ${saidTo(client, 'q')}`,
    {
      schema: { properties: { prompt: { type: 'string' } }, required: ['prompt'] },
    },
  ),
  asking(
    'test_elicitation',
    ({ message }) => ({ q: field('response', 'string', String(message)) }),
    (client) => `User response: ${content(client, 'q')}`,
    { schema: { properties: { message: { type: 'string' } }, required: ['message'] } },
  ),
  asking(
    'test_elicitation_sep1034_defaults',
    {
      q: form('Review', {
        name: { type: 'string', default: 'John Doe' },
        age: { type: 'integer', default: 30 },
        score: { type: 'number', default: 95.5 },
        status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
        verified: { type: 'boolean', default: true },
      }),
    },
    (client) => `Elicitation completed: ${content(client, 'q')}`,
  ),
  asking(
    'test_elicitation_sep1330_enums',
    {
      q: form('Select', {
        untitledSingle: { type: 'string', enum: OPTIONS },
        titledSingle: { type: 'string', oneOf: titled(['First Option', 'Second Option', 'Third Option']) },
        legacyEnum: {
          type: 'string',
          enum: ['opt1', 'opt2', 'opt3'],
          enumNames: ['Option One', 'Option Two', 'Option Three'],
        },
        untitledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { type: 'string', enum: OPTIONS } },
        titledMulti: {
          type: 'array',
          minItems: 1,
          maxItems: 3,
          items: { anyOf: titled(['First Choice', 'Second Choice', 'Third Choice']) },
        },
      }),
    },
    (client) => `Elicitation completed: ${content(client, 'q')}`,
  ),
]

const IR = 'test_input_required_result'
const returned: OfferedTool[] = [
  asking('test_missing_capability', { llm_answer: sampling('pong', 16) }, () => 'done'),
  asking(
    `${IR}_elicitation`,
    { user_name: name },
    (client) => `Hello, ${acceptedContent(client.answers, 'user_name')?.name}!`,
    {
      fits: (client) => typeof acceptedContent(client.answers, 'user_name')?.name === 'string',
    },
  ),
  asking(
    `${IR}_sampling`,
    { capital_question: sampling('What is the capital of France?', 100) },
    (client) => `Sampling response: ${saidTo(client, 'capital_question')}`,
  ),
  asking(
    `${IR}_list_roots`,
    { client_roots: inputRequired.listRoots() },
    (client) => `roots: ${content(client, 'client_roots')}`,
  ),
  asking(`${IR}_request_state`, { confirm }, () => 'state-ok: verified', { seal: true }),
  asking(`${IR}_tampered_state`, { confirm }, () => 'integrity-ok: verified', { seal: true }),
  asking(
    `${IR}_multiple_inputs`,
    { user_name: name, greeting: sampling('Generate a greeting', 50), client_roots: inputRequired.listRoots() },
    (client) => `${saidTo(client, 'greeting')} ${content(client, 'user_name')}`,
    { seal: true },
  ),
  asking(
    `${IR}_capabilities`,
    (_args, { answers, can }) =>
      answers
        ? {}
        : {
            ...(can.elicit ? { user_name: name } : {}),
            ...(can.sample ? { greeting: sampling('Hi', 50) } : {}),
            ...(can.roots ? { client_roots: inputRequired.listRoots() } : {}),
          },
    () => 'fulfilled',
  ),
  tool(`${IR}_multi_round`, async (_args, { client }) => {
    const { round = 0, given } = client.state<{ round: number; given?: unknown }>() ?? {}
    if (round === 0) return client.ask({ step1: field('name', 'string', 'Step 1: name?') }, { round: 1 })
    const next = acceptedContent(client.answers, 'step1')?.name
    if (round === 1) return client.ask({ step2: field('color', 'string', 'Step 2: color?') }, { round: 2, given: next })
    return answer(text(`complete: ${given} likes ${acceptedContent(client.answers, 'step2')?.color}`))
  }),
]

/** @param publish tells of changes; the service is there only after its tools */
export const createConformanceTools = (publish: (change: Change) => void): OfferedTool[] => [
  ...plain,
  ...pushed,
  ...returned,
  tool('test_trigger_tool_change', () => {
    publish({ kind: 'tools_list_changed' })
    return answer(text('published'))
  }),
  tool('test_trigger_prompt_change', () => {
    publish({ kind: 'prompts_list_changed' })
    return answer(text('published'))
  }),
]
