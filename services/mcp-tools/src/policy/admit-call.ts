import { AppError } from '@jan/service-kit/errors'
import type { CallToolResult, InputRequiredResult } from '@modelcontextprotocol/server'
import type { OfferedTool } from '../tools/offered-tool.ts'
import type { Asking, ToolCall } from '../tools/tool.ts'
import { findApproval } from './approval.ts'
import type { Policy } from './policy.ts'

/** The call as its tool may have it, or what is answered in its place. */
export type Admitted = { call: ToolCall } | { answer: CallToolResult | InputRequiredResult }

/**
 * What the rules make of one call: it is run, a person is asked first, or it is refused. A call that is not run is not
 * counted against a rate. @throws AppError `forbidden`, `rate_limited`
 */
export async function admitCall(policy: Policy, asking: Asking, tool: OfferedTool, args: unknown): Promise<Admitted> {
  const { decision, rule, asksIfItCan } = policy.judge(asking, tool, args)
  if (decision === 'deny') {
    policy.note(asking, 'denied')
    throw new AppError(
      'forbidden',
      `${tool.name} may not be called with these arguments${rule ? ` (${rule.name})` : ''}`,
    )
  }
  const giveBack = count(policy, asking, rule)
  const mayPay = policy.decide(asking, { ...tool, paid: true }, args) === 'allow'
  const isAsked = decision === 'ask' || (asksIfItCan && asking.client.can.elicit && !saysApproved(args))
  if (!isAsked) {
    policy.note(asking, 'allowed')
    return { call: { ...asking, mayPay, approved: false } }
  }
  const approval = await findApproval(asking, tool, args)
  if ('client' in approval) {
    policy.note(asking, 'approved')
    return { call: { ...asking, client: approval.client, mayPay, approved: true } }
  }
  giveBack()
  policy.note(asking, approval.fate)
  return { answer: approval.answer }
}

const saysApproved = (args: unknown) =>
  typeof args === 'object' && args !== null && 'approved' in args && args.approved === true

function count(policy: Policy, asking: Asking, rule: Parameters<Policy['count']>[1]) {
  try {
    return policy.count(asking, rule)
  } catch (error) {
    policy.note(asking, 'rate_limited')
    throw error
  }
}
