import { createHttpApp } from '../src/http-app.ts'
import { Closers, run } from '../src/lifecycle.ts'
import { everyoneIsLocal } from '../src/local-caller.ts'
import { createLogger } from '../src/logger.ts'
import { createMetrics } from '../src/metrics.ts'

const log = createLogger('stalled', { level: 'info', format: 'json' })
const closers = new Closers()
closers.add(
  'stalled',
  setInterval(() => undefined, 1000),
  () => new Promise(() => undefined),
)
const app = createHttpApp({
  service: 'stalled',
  version: '1',
  log,
  metrics: createMetrics('stalled'),
  authenticate: everyoneIsLocal,
  routes: [],
  dependencies: [],
  bodyLimit: 1,
})
const http = { host: '127.0.0.1', port: 0, shutdownDelayMs: 0, shutdownGraceMs: 100 }
await run(app, { http, log, closers })
