import { createHttpApp, type HttpApp } from '@jan/service-kit/http-app'
import type { Logger } from '@jan/service-kit/logger'
import { createMetrics } from '@jan/service-kit/metrics'
import packageJson from '../package.json' with { type: 'json' }
import type { LocalModel } from './local-model.ts'
import { routes } from './routes.ts'

/** Far more than any context holds. */
const BODY_LIMIT = 10 * 1024 * 1024

export const createApp = (model: LocalModel, log: Logger): HttpApp =>
  createHttpApp({
    service: 'local-model',
    version: packageJson.version,
    log,
    metrics: createMetrics('local-model'),
    authenticate: async () => undefined,
    routes: routes(model),
    dependencies: [],
    bodyLimit: BODY_LIMIT,
  })
