import { type Route, route } from '@jan/service-kit/route'
import type { Deps } from '../deps.ts'
import { listUsage } from './list-usage.ts'
import { AdminUsageQuery, UsagePage, UsageQuery } from './usage.schema.ts'

export const usageRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'get_usage',
    method: 'get',
    path: '/v1/usage',
    summary: 'What you have used',
    description: "Tokens, requests and what they cost, in whole days (UTC), in the manner of OpenAI's usage API.",
    auth: 'person',
    scope: 'chat',
    query: UsageQuery,
    answers: { 200: UsagePage },
    tool: { description: 'Tells what you have used: tokens, requests and what they cost, in whole days (UTC).' },
    handler: ({ query, who }) => listUsage(deps, who.caller.workspaceId, query),
  }),
  route({
    operation: 'get_all_usage',
    method: 'get',
    path: '/v1/admin/usage',
    summary: 'What everybody has used',
    description: 'Of people who were erased the totals are kept, and name nobody.',
    auth: 'person',
    role: 'admin',
    scope: 'admin',
    query: AdminUsageQuery,
    answers: { 200: UsagePage },
    handler: ({ query }) => listUsage(deps, undefined, query),
  }),
]
