import { presentErrorsAs, type Route, rawBody, route, streamOf } from '@jan/service-kit/route'
import type { Deps } from '../deps.ts'
import { answerMcp } from './answer-mcp.ts'
import { presentRpcError } from './json-rpc.ts'
import { ResourceMetadata } from './mcp.schema.ts'
import { buildResourceMetadata, METADATA_PATHS } from './resource-metadata.ts'

const MAX_BODY_BYTES = 4 << 20

export const mcpRoutes = (deps: Deps): Route[] => [
  ...presentErrorsAs(presentRpcError, [
    route({
      operation: 'call_mcp',
      method: 'post',
      path: '/v1/mcp',
      summary: 'MCP over streamable HTTP',
      description:
        'One JSON-RPC message of the Model Context Protocol, revisions 2025-03-26 to 2025-11-25 and 2026-07-28. ' +
        'The answer is JSON; it is an event stream for clients that accept only that, or both when a tool reports progress.',
      auth: 'any',
      scope: 'mcp',
      // A run calls tools as part of its work.
      scopeVia: { 'response-api': ['responses'] },
      body: rawBody(MAX_BODY_BYTES),
      answers: { 200: streamOf('application/json', 'The JSON-RPC response'), 202: null },
      handler: ({ headers, body, who }) => answerMcp(deps, who, { headers, body }),
    }),
  ]),
  route({
    operation: 'get_protected_resource_metadata',
    method: 'get',
    path: METADATA_PATHS.ofResource,
    aliases: [METADATA_PATHS.bare],
    summary: 'Who issues tokens for the MCP endpoint',
    auth: 'none',
    answers: { 200: ResourceMetadata },
    handler: () => buildResourceMetadata(deps),
  }),
]
