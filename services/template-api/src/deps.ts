import type { ToolSettings } from '@jan/route-tools/create-app-with-tools'
import type { Authenticate } from '@jan/service-kit/auth'
import { connectIdentity } from '@jan/service-kit/authenticate'
import { connectLimits } from '@jan/service-kit/connect-limits'
import { createFieldCipher } from '@jan/service-kit/field-encryption'
import { forgetIdempotencyKeys, forgetIdempotencyKeysHourly } from '@jan/service-kit/forget-idempotency-keys'
import type { Dependency } from '@jan/service-kit/health'
import { createIdempotency, type IdempotencyStore } from '@jan/service-kit/idempotency'
import { createJobs, type Jobs } from '@jan/service-kit/jobs'
import type { Closers } from '@jan/service-kit/lifecycle'
import { createLogger, type Logger } from '@jan/service-kit/logger'
import { createMetrics, type HttpMetrics } from '@jan/service-kit/metrics'
import { connectPostgres, connectPrisma, postgresDependency } from '@jan/service-kit/postgres'
import type { RateLimiter } from '@jan/service-kit/rate-limit'
import type { Config } from './config.ts'
import { createEvents, type Events } from './events.ts'
import { PrismaClient } from './generated/prisma/client.ts'
import { createNoteStore, type NoteStore } from './notes/note.store.ts'

export type Deps = {
  log: Logger
  authenticate: Authenticate
  limiter: RateLimiter | undefined
  /** Where its own tools are served. */
  mcp: ToolSettings
  idempotency: IdempotencyStore
  jobs: Jobs<Deps>
  metrics: HttpMetrics
  dependencies: Dependency[]
  events: Events
  notes: NoteStore
}

export async function connect(config: Config, closers: Closers): Promise<Deps> {
  const log = createLogger('template-api', config.log)
  const metrics = createMetrics('template-api')
  const { authenticate } = connectIdentity('template-api', config.auth, {
    keys: { service: 'llm-api', baseUrl: config.llmApi.url },
    redisUrl: config.limits.redisUrl,
    log,
    closers,
  })
  const { limiter, dependencies } = connectLimits('template-api', config.limits, log, closers)
  const pool = connectPostgres(config.database, log, closers)
  const db = connectPrisma(pool, closers, (adapter) => new PrismaClient({ adapter }))
  const schedules = [forgetIdempotencyKeysHourly]
  const jobs = createJobs<Deps>({ pool, log, metrics, jobs: [forgetIdempotencyKeys], schedules })
  return {
    log,
    authenticate,
    limiter,
    mcp: { ...config.mcp, issuer: config.auth.issuer },
    idempotency: createIdempotency({ pool, cipher: createFieldCipher(config.fieldKeys) }),
    jobs: closers.add('jobs', jobs, (started) => started.stop()),
    metrics,
    dependencies: [postgresDependency(pool), ...dependencies],
    events: createEvents(metrics),
    notes: createNoteStore(db),
  }
}
