import { bearerChallenge } from '@jan/service-kit/auth'
import { AppError } from '@jan/service-kit/errors'
import { createHttpApp, type HttpApp, type HttpAppOptions } from '@jan/service-kit/http-app'
import { type Route, rawBody, route, streamOf } from '@jan/service-kit/route'
import { pathOf } from '@jan/service-kit/serve-route'
import { localhostAllowedOrigins, validateOriginHeader } from '@modelcontextprotocol/server'
import { createToolServer, type ToolServer } from './answer-mcp.ts'
import { createVisits } from './in-process.ts'
import { METADATA_PATH, metadataRoute, type Resource, refusing, whereToBegin } from './resource-metadata.ts'
import { routeTools } from './route-tool.ts'
import { presentRpcError } from './rpc-error.ts'

export type ToolSettings = {
  enabled: boolean
  publicUrl: string
  issuer: string
  /** With scheme and port. */
  allowedOrigins: string[]
  /** Below `publicUrl`, where the gateway has this service whole; without it nobody is told where to sign in. */
  prefix?: `/${string}`
}

const MAX_BODY_BYTES = 4 << 20

/**
 * An app whose routes that say `tool` are served over MCP as well, at `/mcp` and `/mcp/`, when that is switched on.
 * @throws Error for a route that cannot be a tool, switched on or not
 */
export function createAppWithTools({ mcp, ...options }: HttpAppOptions & { mcp: ToolSettings }): HttpApp {
  const tools = routeTools(options.routes)
  const app = createHttpApp(options)
  if (!mcp.enabled) return app
  const server = createToolServer({ ...options, tools, visits: createVisits(options) })
  const resource = mcp.prefix === undefined ? undefined : { ...mcp, publicUrl: mcp.publicUrl + mcp.prefix }
  const endpoint = createHttpApp({
    ...options,
    ...(resource ? signInAt(options, resource) : {}),
    presentError: presentRpcError,
    routes: [endpointRoute(server, originsOf(mcp)), ...(resource ? [metadataRoute(resource)] : [])],
  })
  const paths = new Set(['/mcp', '/mcp/'].concat(resource ? [METADATA_PATH, `${METADATA_PATH}/mcp`] : []))
  return {
    ...app,
    handler: (request, response) => (paths.has(pathOf(request)) ? endpoint : app).handler(request, response),
  }
}

const signInAt = ({ authenticate, challenge = bearerChallenge }: HttpAppOptions, resource: Resource) => ({
  authenticate: refusing(authenticate, resource),
  challenge: (problem?: string) => challenge(problem) + whereToBegin(resource),
})

const endpointRoute = (server: ToolServer, origins: string[]): Route =>
  route({
    operation: 'call_route_tools',
    method: 'post',
    path: '/mcp',
    aliases: ['/mcp/'],
    summary: 'The tools of this service, over MCP (streamable HTTP)',
    auth: 'any',
    body: rawBody(MAX_BODY_BYTES),
    answers: { 200: streamOf('application/json', 'The JSON-RPC response'), 202: null },
    handler: ({ headers, body, who, address }) => {
      const { caller, requestId, signal } = who
      // Browsers say which page asks; a name that was led here (DNS rebinding) shows in it, too.
      if (!validateOriginHeader(headers.origin, origins).ok)
        throw new AppError('forbidden', 'Pages of this origin may not call this service')
      return server({ caller, requestId, signal, headers, address: address() }, body)
    },
  })

const originsOf = ({ publicUrl, allowedOrigins }: ToolSettings) => [
  ...localhostAllowedOrigins(),
  ...[publicUrl, ...allowedOrigins].flatMap((origin) => URL.parse(origin)?.hostname ?? []),
]
