import { createGuardedFetch, type GuardedFetch } from '@jan/guarded-fetch/guarded-fetch'
import type { ToolSettings } from '@jan/route-tools/create-app-with-tools'
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
import { createTurns, type Turns } from '@jan/service-kit/turns'
import packageJson from '../package.json' with { type: 'json' }
import { serviceKeyAuth } from './access/service-key.ts'
import type { Config } from './config.ts'
import type { MediaKind } from './content/media-type.ts'
import { PrismaClient } from './generated/prisma/client.ts'
import { createMediaStore, type MediaStore } from './media/media.store.ts'
import type { Quota } from './media/quota.ts'
import { reapMedia, reapMediaHourly } from './media/reap-media.job.ts'
import { createReapingStore, type ReapingStore } from './media/reaping.store.ts'
import { createScanner, type Scanner } from './media/scan-content.ts'
import { createSlotStore, type SlotStore } from './media/slot.store.ts'
import { createDiskStorage } from './storage/disk-storage.client.ts'
import type { ObjectStorage } from './storage/object-storage.ts'
import { createS3Storage } from './storage/s3-storage.client.ts'
import { createUrlSigner, type UrlSigner } from './storage/url-signer.ts'
import { createLine, type Line } from './text/line.ts'
import { createTexts, type Texts } from './text/texts.ts'

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
  media: MediaStore
  slots: SlotStore
  reaping: ReapingStore
  storage: ObjectStorage
  /** None: nothing is scanned. */
  scanner: Scanner | undefined
  texts: Texts
  turns: Turns
  /** Before the turns. */
  completing: Line
  /** Only with disk storage: signed URLs that lead back to this service. */
  urls: UrlSigner | undefined
  outbound: GuardedFetch
  settings: MediaSettings
  now: () => Date
}

/** Direct uploads that are judged at a time, each with a connection of its own. */
const TURNS = 4

export type MediaSettings = Pick<Config['media'], 'resolveMaxBytes' | 'proxyDownload'> & {
  /** Largest object of each kind. */
  maxBytes: Record<MediaKind, number>
  /** Largest of any kind. */
  largest: number
  quota: Quota
  /** 0: for ever. */
  retentionMs: number
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
  const settings = settingsOf(config.media)
  const outbound = createGuardedFetch({
    allow: config.outboundAllow,
    timeoutMs: config.media.remoteTimeoutMs,
    maxBytes: settings.largest,
    maxRedirects: 5,
    userAgent: `jan-media-api/${packageJson.version}`,
  })
  const metrics = createMetrics('media-api')
  const jobs = createJobs<Deps>({
    pool,
    log,
    metrics,
    jobs: [forgetIdempotencyKeys, reapMedia],
    schedules: [forgetIdempotencyKeysHourly, reapMediaHourly],
  })
  const { scanUrl, scanTimeoutMs } = config.media
  return {
    log,
    // The key first: without AUTH_ENABLED everyone else is a local user.
    authenticate: firstOf(serviceKeyAuth(config.serviceKey), authenticate),
    limiter: limits.limiter,
    mcp: { ...config.mcp, issuer: config.auth.issuer },
    idempotency: createIdempotency({ pool, cipher: createFieldCipher(config.fieldKeys) }),
    jobs: closers.add('jobs', jobs, (started) => started.stop()),
    metrics,
    dependencies: [
      postgresDependency(pool),
      { name: 'storage', required: false, check: () => storage.check() },
      ...limits.dependencies,
    ],
    media: createMediaStore(db, { quota: settings.quota, now }),
    slots: createSlotStore(db, { openUploads: config.media.quotaUploads }),
    reaping: createReapingStore(db),
    storage,
    urls,
    outbound: closers.add('outbound', outbound, (dialer) => dialer.close()),
    scanner: scanUrl === undefined ? undefined : createScanner({ url: scanUrl, timeoutMs: scanTimeoutMs }),
    texts: createTexts(),
    turns: createTurns(connectPostgres({ ...config.database, poolMax: TURNS }, log, closers)),
    completing: createLine(TURNS),
    settings,
    now,
  }
}

const DAY_MS = 86_400_000

function settingsOf(media: Config['media']): MediaSettings {
  const { maxBytes: image, maxDocumentBytes: document, maxRecordingBytes: recording } = media
  return {
    resolveMaxBytes: media.resolveMaxBytes,
    proxyDownload: media.proxyDownload,
    maxBytes: { image, document, text: document, audio: recording, video: recording },
    largest: Math.max(image, document, recording),
    quota: { bytes: media.quotaBytes, objects: media.quotaObjects },
    retentionMs: media.retentionDays * DAY_MS,
    presignSeconds: Math.floor(media.presignTtlMs / 1000),
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
