import { createHttpApp, type HttpApp } from '@jan/service-kit/http-app'
import type { Route } from '@jan/service-kit/route'
import packageJson from '../package.json' with { type: 'json' }
import { chatRoutes } from './chat/chat.routes.ts'
import type { Deps } from './deps.ts'
import { identityRoutes } from './identity/identity.routes.ts'
import { modelRoutes } from './models/models.routes.ts'

/** In the order in which they are tried: what is asked most comes first. */
export const routes = (deps: Deps): Route[] => [...chatRoutes(deps), ...modelRoutes(deps), ...identityRoutes(deps)]

export const createApp = (deps: Deps): HttpApp =>
  createHttpApp({
    service: 'llm-api',
    version: packageJson.version,
    log: deps.log,
    metrics: deps.metrics,
    authenticate: deps.authenticate,
    limiter: deps.limiter,
    routes: routes(deps),
    dependencies: deps.dependencies,
    bodyLimit: deps.bodyLimit,
  })
