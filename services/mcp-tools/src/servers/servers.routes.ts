import { json } from '@jan/service-kit/answer'
import { AppError, notFound } from '@jan/service-kit/errors'
import { type Route, route } from '@jan/service-kit/route'
import type { Deps } from '../deps.ts'
import { createServer } from './create-server.ts'
import { loginRoutes } from './login.routes.ts'
import { presentServer, presentServerTools } from './present-server.ts'
import { requireKnownPerson, requireOwnServer, requireServer, requireServerToSeeTo } from './require-server.ts'
import { specOfRow } from './server-secrets.ts'
import {
  AcceptTool,
  CreateServer,
  McpServer,
  McpServerDeleted,
  McpServerList,
  McpServerTools,
  ServerParams,
  UpdateServer,
} from './servers.schema.ts'
import { updateServer } from './update-server.ts'

const PERSON = { auth: 'person', scope: 'mcp' } as const

export const serverRoutes = (deps: Deps): Route[] => [
  ...readingRoutes(deps),
  ...changingRoutes(deps),
  ...toolRoutes(deps),
  ...loginRoutes(deps),
]

const readingRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'list_mcp_servers',
    method: 'get',
    path: '/v1/mcp/servers',
    summary: 'The MCP servers that the caller may use, and how they are',
    ...PERSON,
    answers: { 200: McpServerList },
    handler: async ({ who: { caller } }) => {
      requireKnownPerson(caller)
      const rows = await deps.serverStore.visible(caller.workspaceId)
      const all = [...deps.serverFile.servers(), ...rows.map((row) => specOfRow(deps.cipher, row))]
      return { object: 'list' as const, data: all.map((spec) => presentServer(deps, caller, spec)) }
    },
  }),
  route({
    operation: 'get_mcp_server',
    method: 'get',
    path: '/v1/mcp/servers/{id}',
    summary: 'One MCP server, and how it is',
    ...PERSON,
    params: ServerParams,
    answers: { 200: McpServer },
    handler: async ({ params, who: { caller } }) => {
      requireKnownPerson(caller)
      return presentServer(deps, caller, await requireServer(deps, caller, params.id))
    },
  }),
]

const changingRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'create_mcp_server',
    method: 'post',
    path: '/v1/mcp/servers',
    summary: 'Add an MCP server',
    description:
      "A user's own server is theirs alone; admins may add servers for everyone. Its address must be public, or one that the operator allowed (OUTBOUND_ALLOW). Servers that are processes are named only in the operator's file.",
    ...PERSON,
    body: CreateServer,
    answers: { 201: McpServer },
    idempotent: true,
    handler: async ({ body, who }) =>
      json(await presentServer(deps, who.caller, await createServer(deps, who, body)), { status: 201 }),
  }),
  route({
    operation: 'update_mcp_server',
    method: 'patch',
    path: '/v1/mcp/servers/{id}',
    summary: 'Change an MCP server',
    ...PERSON,
    params: ServerParams,
    body: UpdateServer,
    answers: { 200: McpServer },
    handler: async ({ params, body, who }) =>
      presentServer(deps, who.caller, await updateServer(deps, who, { id: params.id, ...body })),
  }),
  route({
    operation: 'delete_mcp_server',
    method: 'delete',
    path: '/v1/mcp/servers/{id}',
    summary: 'Remove an MCP server, and all that is known of it',
    ...PERSON,
    params: ServerParams,
    answers: { 200: McpServerDeleted },
    handler: async ({ params: { id }, who }) => {
      await requireOwnServer(deps, who.caller, id)
      await deps.serverStore.delete(id)
      deps.knownServers.forget()
      return { id, object: 'mcp.server.deleted' as const, deleted: true as const }
    },
  }),
]

const toolRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'list_mcp_server_tools',
    method: 'get',
    path: '/v1/mcp/servers/{id}/tools',
    summary: 'What tools a server has, and which are shut away for what reason',
    ...PERSON,
    params: ServerParams,
    answers: { 200: McpServerTools },
    handler: async ({ params, who: { caller } }) =>
      presentServerTools(deps, caller, await requireServerToSeeTo(deps, caller, params.id)),
  }),
  route({
    operation: 'accept_mcp_server_tool',
    method: 'post',
    path: '/v1/mcp/servers/{id}/tools/accept',
    summary: 'Accept what a tool has become',
    description: 'The hash is that of the tool as it was shown; when it has changed once more since then, this is 409.',
    ...PERSON,
    params: ServerParams,
    body: AcceptTool,
    answers: { 200: McpServerTools },
    handler: async ({ params, body, who: { caller } }) => {
      const spec = await requireServerToSeeTo(deps, caller, params.id)
      if (!(await deps.toolPins.accept({ serverId: spec.id, ...body }, caller.subject))) {
        const known = await deps.toolPins.list(spec.id)
        if (!known.some(({ tool }) => tool === body.tool)) throw notFound('Tool', body.tool)
        throw new AppError('conflict', 'This is not what the tool says by now; look at it again')
      }
      deps.knownServers.forget()
      await deps.bridge.peek(spec, caller.workspaceId)?.lookAtPins()
      return presentServerTools(deps, caller, spec)
    },
  }),
]
