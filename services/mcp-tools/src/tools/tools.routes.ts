import { type Route, route } from '@jan/service-kit/route'
import type { Deps } from '../deps.ts'
import { ToolList } from './tools.schema.ts'

export const toolRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'list_tools',
    method: 'get',
    path: '/v1/mcp/tools',
    summary: 'The tools, for people to read',
    auth: 'none',
    answers: { 200: ToolList },
    handler: () => ({ tools: deps.tools.list('direct') }),
  }),
]
