import { APPROVAL, type ApprovalNeeded, callHashOf } from '@jan/contracts/tool-approval'
import { type CallToolResult, type InputRequiredResult, inputRequired } from '@modelcontextprotocol/server'
import { z } from 'zod'
import type { Client } from '../tools/client.ts'
import type { OfferedTool } from '../tools/offered-tool.ts'
import { RESULT_CODE, resultCodeOf } from '../tools/result-code.ts'
import { audienceOf, type ToolCall } from '../tools/tool.ts'

/** A person approved the call, and its tool is to be run with this client; or what is answered in its place, and why. */
export type Approval =
  | { client: Client }
  | { fate: 'asked' | 'approval_required' | 'declined'; answer: CallToolResult | InputRequiredResult }

/** Under this key the question stands, and its answer. */
const QUESTION = 'approval'
/** What the client carries while it asks its person, and while it answers what the approved tool asks itself. */
const State = z.object({ approvalOf: z.string(), given: z.boolean(), inner: z.unknown().optional() })
const Accepted = z.object({ action: z.literal('accept'), content: z.object({ approve: z.literal(true) }) })
const LONGEST_SHOWN = 2_000
const LONGEST_TITLE = 80

/** Whether a person approved this very call: by the grant that came with it, else by the client's asking them. */
export async function findApproval(
  { caller, client }: Pick<ToolCall, 'caller' | 'client'>,
  tool: Pick<OfferedTool, 'name' | 'title' | 'server'>,
  args: unknown,
): Promise<Approval> {
  const callHash = callHashOf(tool.name, args)
  if (audienceOf(caller) === 'service') {
    const grant = caller.kind === 'service' ? undefined : caller.grant
    if (grant?.callHash === callHash) return { client }
    const why = grant ? 'The approval that came with it is for another call.' : 'Nobody has approved it yet.'
    return required(callHash, `A person has to approve this call of ${tool.name}. ${why}`)
  }
  const state = State.safeParse(client.state()).data
  const isOurs = state?.approvalOf === callHash
  if (isOurs && (state.given || Accepted.safeParse(client.answers?.[QUESTION]).success))
    return { client: approvedClient(client, callHash, state) }
  if (isOurs && client.answers?.[QUESTION] !== undefined)
    return { fate: 'declined', answer: refusal(`The person who was asked did not approve this call of ${tool.name}.`) }
  if (client.can.elicit)
    return {
      fate: 'asked',
      answer: await client.ask({ [QUESTION]: question(tool, args) }, { approvalOf: callHash, given: false }),
    }
  return required(
    callHash,
    `A person has to approve this call of ${tool.name}, and your client cannot be asked: use one that declares elicitation ` +
      'and takes event streams, or let an admin allow the tool in /v1/mcp/policy.',
  )
}

const question = (tool: Pick<OfferedTool, 'name' | 'title' | 'server'>, args: unknown) =>
  inputRequired.elicit({
    message: `May ${tool.name} (of the server ${tool.server}${showTitle(tool.title)}) be called with these arguments?\n${showArguments(args)}`,
    requestedSchema: {
      type: 'object',
      properties: { approve: { type: 'boolean', title: 'Call it', description: 'true: once, exactly like this' } },
      required: ['approve'],
    },
  })

/** The server's own words: quoted, so that they cannot go on as ours, and on one line. */
function showTitle(title: string | undefined): string {
  const line = title
    ?.slice(0, 10 * LONGEST_TITLE)
    .replace(/\s+/g, ' ')
    .trim()
  if (!line) return ''
  const cut = line.length > LONGEST_TITLE ? `${line.slice(0, LONGEST_TITLE - 1)}…` : line
  return `, which calls it ${unhide(JSON.stringify(cut))}`
}

/** What could hide, turn round or break a part of the text is written as an escape. The newlines between JSON's lines stay. */
const unhide = (text: string): string =>
  text.replace(/[\p{Cf}\p{Zl}\p{Zp}]|(?!\n)\p{Cc}/gu, (hidden) => `\\u{${hidden.codePointAt(0)!.toString(16)}}`)

function showArguments(args: unknown): string {
  const text = unhide(JSON.stringify(args, null, 2))
  const rest = text.length - LONGEST_SHOWN
  return rest <= 0 ? text : `${text.slice(0, LONGEST_SHOWN)}\n… and ${rest} more characters that are not shown here`
}

/** The tool sees its own questions and answers, and the approval is kept while it asks. */
const approvedClient = (client: Client, callHash: string, { given, inner }: z.output<typeof State>): Client => ({
  ...client,
  answers: given ? client.answers : undefined,
  state: <T>() => inner as T | undefined,
  ask: (questions, state) => client.ask(questions, { approvalOf: callHash, given: true, inner: state }),
})

function required(callHash: string, text: string): Approval {
  const needed: ApprovalNeeded = { required: true, callHash }
  return { fate: 'approval_required', answer: refusal(text, { [APPROVAL]: needed }) }
}

const refusal = (text: string, meta: Record<string, unknown> = {}): CallToolResult => ({
  content: [{ type: 'text', text }],
  isError: true,
  _meta: { ...meta, [RESULT_CODE]: resultCodeOf('forbidden') },
})
