import { createGuardedFetch, type GuardedFetch } from '@jan/guarded-fetch/guarded-fetch'
import { type Authenticate, firstOf } from '@jan/service-kit/auth'
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
import packageJson from '../package.json' with { type: 'json' }
import { serviceKeyAuth } from './access/service-key.ts'
import type { Config } from './config.ts'
import { PrismaClient } from './generated/prisma/client.ts'
import { createMediaStore, type MediaStore } from './media/media.store.ts'
import { createDiskStorage } from './storage/disk-storage.client.ts'
import type { ObjectStorage } from './storage/object-storage.ts'
import { createS3Storage } from './storage/s3-storage.client.ts'
import { createUrlSigner, type UrlSigner } from './storage/url-signer.ts'

export type Deps = {
  log: Logger
  authenticate: Authenticate
  limiter: RateLimiter | undefined
  idempotency: IdempotencyStore
  jobs: Jobs<Deps>
  metrics: HttpMetrics
  dependencies: Dependency[]
  media: MediaStore
  storage: ObjectStorage
  /** Only with disk storage: signed URLs that lead back to this service. */
  urls: UrlSigner | undefined
  outbound: GuardedFetch
  settings: MediaSettings
  now: () => Date
}

export type MediaSettings = Pick<Config['media'], 'maxBytes' | 'resolveMaxBytes' | 'proxyDownload'> & {
  presignSeconds: number
}

export async function connect(config: Config, closers: Closers): Promise<Deps> {
  const now = () => new Date()
  const log = createLogger('media-api', config.log)
  const { authenticate } = connectIdentity('media-api', config.auth, {
    keys: { service: 'llm-api', baseUrl: config.llmApi.url },
    redisUrl: config.limits.redisUrl,
    log,
    closers,
  })
  const limits = connectLimits('media-api', config.limits, log, closers)
  const pool = connectPostgres(config.database, log, closers)
  const db = connectPrisma(pool, closers, (adapter) => new PrismaClient({ adapter }))
  const { storage, urls } = connectStorage(config.storage, { closers, now })
  const { presignTtlMs, remoteTimeoutMs, ...media } = config.media
  const outbound = createGuardedFetch({
    allow: config.outboundAllow,
    timeoutMs: remoteTimeoutMs,
    maxBytes: media.maxBytes,
    maxRedirects: 5,
    userAgent: `jan-media-api/${packageJson.version}`,
  })
  const metrics = createMetrics('media-api')
  const schedules = [forgetIdempotencyKeysHourly]
  const jobs = createJobs<Deps>({ pool, log, metrics, jobs: [forgetIdempotencyKeys], schedules })
  return {
    log,
    // The key first: without AUTH_ENABLED everyone else is a local user.
    authenticate: firstOf(serviceKeyAuth(config.serviceKey), authenticate),
    limiter: limits.limiter,
    idempotency: createIdempotency({ pool, cipher: createFieldCipher(config.fieldKeys) }),
    jobs: closers.add('jobs', jobs, (started) => started.stop()),
    metrics,
    dependencies: [
      postgresDependency(pool),
      { name: 'storage', required: false, check: () => storage.check() },
      ...limits.dependencies,
    ],
    media: createMediaStore(db),
    storage,
    urls,
    outbound: closers.add('outbound', outbound, (dialer) => dialer.close()),
    settings: { ...media, presignSeconds: Math.floor(presignTtlMs / 1000) },
    now,
  }
}

type Storage = Pick<Deps, 'storage' | 'urls'>

function connectStorage(config: Config['storage'], { closers, now }: { closers: Closers; now: () => Date }): Storage {
  if (config.kind === 's3') {
    const { bucket, accessKey, secretKey, ...rest } = config.s3
    // Present, because the configuration was checked.
    const options = { ...rest, bucket: bucket!, accessKey: accessKey!, secretKey: secretKey! }
    const storage = closers.add('s3', createS3Storage(options), (client) => client.close())
    return { storage, urls: undefined }
  }
  const { path, publicUrl, urlSecret } = config.disk
  const urls = createUrlSigner({ secret: urlSecret!, publicUrl, now })
  return { storage: createDiskStorage({ path, urls, now }), urls }
}
