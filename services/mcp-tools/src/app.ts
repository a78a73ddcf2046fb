import { createHttpApp, type HttpApp } from '@jan/service-kit/http-app'
import type { Route } from '@jan/service-kit/route'
import { workspaceRoutes } from '@jan/service-kit/workspace-routes'
import packageJson from '../package.json' with { type: 'json' }
import type { Deps } from './deps.ts'
import { eraseDocuments, tellDocuments } from './documents/workspace-documents.ts'
import { mcpRoutes } from './mcp/mcp.routes.ts'
import { challengeByAddress, createChallenge } from './mcp/resource-metadata.ts'
import { policyRoutes } from './policy/policy.routes.ts'
import { docsRoutes } from './search/docs.routes.ts'
import { serverRoutes } from './servers/servers.routes.ts'
import { eraseServers, tellServers } from './servers/workspace-servers.ts'
import { toolRoutes } from './tools/tools.routes.ts'
import { vectorStoreRoutes } from './vector-stores/vector-stores.routes.ts'

export const routes = (deps: Deps): Route[] => [
  ...mcpRoutes(deps),
  ...toolRoutes(deps),
  ...docsRoutes(deps),
  ...policyRoutes(deps),
  ...serverRoutes(deps),
  ...vectorStoreRoutes(deps),
  ...workspaceRoutes('mcp-tools', {
    erase: async (workspaceId) => {
      await eraseServers(deps, workspaceId)
      await eraseDocuments(deps, workspaceId)
      await deps.idempotency.forgetWorkspace(workspaceId)
    },
    tell: (workspaceId) => ({ ...tellServers(deps, workspaceId), ...tellDocuments(deps, workspaceId) }),
  }),
]

export function createApp(deps: Deps): HttpApp {
  const challenge = createChallenge(deps.publicUrl)
  const app = createHttpApp({
    service: 'mcp-tools',
    version: packageJson.version,
    log: deps.log,
    metrics: deps.metrics,
    authenticate: challengeByAddress(deps.authenticate, challenge),
    limiter: deps.limiter,
    idempotency: deps.idempotency,
    challenge,
    routes: routes(deps),
    dependencies: deps.dependencies,
    bodyLimit: 1 << 20,
  })
  const drain = () => {
    app.drain()
    // They would last as long as their clients do.
    deps.streams.endAll()
  }
  return { ...app, drain }
}
