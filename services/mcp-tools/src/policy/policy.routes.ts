import { type Route, route } from '@jan/service-kit/route'
import type { Deps } from '../deps.ts'
import { resetPolicy, setPolicy } from './change-policy.ts'
import { ToolPolicy, ToolPolicyAnswer } from './policy.schema.ts'
import type { CurrentPolicy } from './policy.ts'

const POLICY = { path: '/v1/mcp/policy', auth: 'person', role: 'admin', scope: 'admin' } as const
const answers = { 200: ToolPolicyAnswer }

export const policyRoutes = (deps: Deps): Route[] => [
  route({
    ...POLICY,
    operation: 'get_tool_policy',
    method: 'get',
    summary: 'Who may use which tools',
    answers,
    handler: async () => presentPolicy(await deps.policy.current()),
  }),
  route({
    ...POLICY,
    operation: 'set_tool_policy',
    method: 'put',
    summary: 'Change who may use which tools',
    description: 'The whole of it, in place of the operator’s file. All replicas follow within seconds.',
    body: ToolPolicy,
    answers,
    handler: async ({ body, who }) => presentPolicy(await setPolicy(deps, who, body)),
  }),
  route({
    ...POLICY,
    operation: 'reset_tool_policy',
    method: 'delete',
    summary: 'Go back to the operator’s file',
    answers,
    handler: async ({ who }) => presentPolicy(await resetPolicy(deps, who)),
  }),
]

const presentPolicy = ({ policy, source, updatedAt, updatedBy }: CurrentPolicy) => ({
  object: 'tool_policy' as const,
  source,
  policy,
  updated_at: updatedAt?.toISOString() ?? null,
  updated_by: updatedBy ?? null,
})
