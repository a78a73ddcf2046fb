import { createHttpApp, type HttpApp } from '@jan/service-kit/http-app'
import type { Route } from '@jan/service-kit/route'
import packageJson from '../package.json' with { type: 'json' }
import type { Deps } from './deps.ts'
import { responseRoutes } from './responses/response.routes.ts'

/** Images may come as data URLs, several at a time; the gateway's own limit is 30 MB. */
const BODY_LIMIT = 30 * 1024 * 1024

export const routes = (deps: Deps): Route[] => responseRoutes(deps)

export const createApp = (deps: Deps): HttpApp =>
  createHttpApp({
    service: 'response-api',
    version: packageJson.version,
    log: deps.log,
    metrics: deps.metrics,
    authenticate: deps.authenticate,
    limiter: deps.limiter,
    idempotency: deps.idempotency,
    routes: routes(deps),
    dependencies: deps.dependencies,
    bodyLimit: BODY_LIMIT,
  })
