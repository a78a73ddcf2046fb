import { createHttpApp, type HttpApp } from '@jan/service-kit/http-app'
import type { Route } from '@jan/service-kit/route'
import { workspaceRoutes } from '@jan/service-kit/workspace-routes'
import packageJson from '../package.json' with { type: 'json' }
import type { Deps } from './deps.ts'
import { mcpRoutes } from './mcp/mcp.routes.ts'
import { createChallenge } from './mcp/resource-metadata.ts'
import { toolRoutes } from './tools/tools.routes.ts'

export const routes = (deps: Deps): Route[] => [
  ...mcpRoutes(deps),
  ...toolRoutes(deps),
  // Nothing is stored here yet.
  ...workspaceRoutes('mcp-tools', { erase: async () => undefined, tell: () => ({}) }),
]

export const createApp = (deps: Deps): HttpApp =>
  createHttpApp({
    service: 'mcp-tools',
    version: packageJson.version,
    log: deps.log,
    metrics: deps.metrics,
    authenticate: deps.authenticate,
    limiter: deps.limiter,
    challenge: createChallenge(deps.publicUrl),
    routes: routes(deps),
    dependencies: deps.dependencies,
    bodyLimit: 1 << 20,
  })
