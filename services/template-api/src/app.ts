import { createAppWithTools } from '@jan/route-tools/create-app-with-tools'
import type { HttpApp } from '@jan/service-kit/http-app'
import type { Route } from '@jan/service-kit/route'
import { workspaceRoutes } from '@jan/service-kit/workspace-routes'
import packageJson from '../package.json' with { type: 'json' }
import type { Deps } from './deps.ts'
import { noteRoutes } from './notes/note.routes.ts'

/** A note of the greatest length, however it is escaped, and room for what is around it. */
const BODY_LIMIT = 64 * 1024

export const routes = (deps: Deps): Route[] => [
  ...noteRoutes(deps),
  ...workspaceRoutes('template-api', {
    erase: async (workspaceId) => {
      await deps.notes.deleteAll(workspaceId)
      await deps.idempotency.forgetWorkspace(workspaceId)
    },
    tell: (workspaceId) => ({ notes: deps.notes.all(workspaceId) }),
  }),
]

export const createApp = (deps: Deps): HttpApp =>
  createAppWithTools({
    service: 'template-api',
    version: packageJson.version,
    log: deps.log,
    metrics: deps.metrics,
    authenticate: deps.authenticate,
    limiter: deps.limiter,
    idempotency: deps.idempotency,
    routes: routes(deps),
    mcp: deps.mcp,
    dependencies: deps.dependencies,
    bodyLimit: BODY_LIMIT,
  })
