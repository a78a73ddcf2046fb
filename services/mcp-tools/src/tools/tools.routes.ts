import type { Person } from '@jan/service-kit/auth'
import { type Route, route } from '@jan/service-kit/route'
import type { Deps } from '../deps.ts'
import { ToolList } from './tools.schema.ts'

/** What needs no account. */
const ANYBODY: Person = { kind: 'guest', subject: '', workspaceId: '', roles: [] }

export const toolRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'list_tools',
    method: 'get',
    path: '/v1/mcp/tools',
    summary: 'The tools, for people to read',
    auth: 'none',
    answers: { 200: ToolList },
    handler: async () => ({ tools: await deps.catalog.list({ caller: ANYBODY, surface: 'mcp' }) }),
  }),
]
