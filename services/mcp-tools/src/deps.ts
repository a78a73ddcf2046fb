import { randomUUID } from 'node:crypto'
import { createGuardedFetch, type GuardedFetch } from '@jan/guarded-fetch/guarded-fetch'
import type { Authenticate } from '@jan/service-kit/auth'
import { connectIdentity } from '@jan/service-kit/authenticate'
import { connectLimits } from '@jan/service-kit/connect-limits'
import type { Dependency } from '@jan/service-kit/health'
import { connectPeer, type Peer } from '@jan/service-kit/http-client'
import type { Closers } from '@jan/service-kit/lifecycle'
import { createLogger, type Logger } from '@jan/service-kit/logger'
import { createMetrics, type HttpMetrics } from '@jan/service-kit/metrics'
import { connectPostgres, connectPrisma, postgresDependency } from '@jan/service-kit/postgres'
import type { RateLimiter } from '@jan/service-kit/rate-limit'
import type { Redis } from '@jan/service-kit/redis'
import type { Config } from './config.ts'
import { PrismaClient } from './generated/prisma/client.ts'
import { createInFlightCalls, type InFlightCalls } from './mcp/in-flight-calls.ts'
import { createChallenge } from './mcp/resource-metadata.ts'
import { createModernHandlers, type ModernHandlers } from './mcp/serve-modern.ts'
import { deriveSessionKeys } from './mcp/session-keys.ts'
import { createSessions, type Sessions } from './mcp/sessions.ts'
import { buildTrustedNames, type TrustedNames } from './mcp/trusted-names.ts'
import { defaultPolicy } from './policy/default-policy.ts'
import type { Policy } from './policy/policy.ts'
import { createSandbox, type Sandbox } from './sandbox/sandbox.ts'
import { createPageExtractor, type ExtractPage } from './scrape/extract-page.ts'
import { createPageTurns } from './scrape/scrape-page.ts'
import { createEngines } from './search/engine-order.ts'
import type { EngineName } from './search/search-engine.ts'
import type { SearchDeps } from './search/search-web.ts'
import { createBuiltInSource } from './tools/built-in-source.ts'
import { builtInTools } from './tools/built-in-tools.ts'
import { type Catalog, createCatalog } from './tools/catalog.ts'
import type { Tool, ToolDeps } from './tools/tool.ts'
import type { Turns } from './tools/turns.ts'

export type Deps = {
  log: Logger
  metrics: HttpMetrics
  authenticate: Authenticate
  limiter: RateLimiter | undefined
  dependencies: Dependency[]
  now: () => Date
  newId: () => string
  /** Where clients reach the platform, and who issues their tokens. */
  publicUrl: string
  issuer: string
  trustedNames: TrustedNames
  sessions: Sessions
  inFlight: InFlightCalls
  modern: ModernHandlers
  /** Milliseconds after which a silent call opens its stream, so that no proxy takes it for dead. */
  openStreamAfterMs: number
  pool: ReturnType<typeof connectPostgres>
  db: PrismaClient
  /** Between replicas; without it each is alone. */
  redis: Redis | undefined
  /** For what is done for a caller elsewhere, with their rights. */
  llmApi: Peer
  mediaApi: Peer
  catalog: Catalog
  policy: Policy
  search: Pick<SearchDeps, 'engines' | 'domains' | 'locationHint' | 'offline'>
  /** The only way to an address that a caller named. */
  fetch: GuardedFetch['fetch']
  extract: ExtractPage
  pages: Turns
  sandbox: Sandbox
  sandboxNeedsApproval: boolean
}

/** Longest wait for another service. */
const PEER_MS = 30_000
const FETCH_LIMITS = { timeoutMs: 20_000, maxBytes: 5 << 20, maxRedirects: 5, userAgent: 'JanServer/1.0 (+scrape)' }

/** The only place that constructs clients and pools. Nothing here needs anything else to be up; the sandbox starts with its first program. */
export async function connect(config: Config, closers: Closers, tools: Tool[] = builtInTools): Promise<Deps> {
  const log = createLogger('mcp-tools', config.log)
  const { authenticate, tokens } = connectIdentity('mcp-tools', config.auth, {
    keys: { service: 'llm-api', baseUrl: config.llmApi.url },
    redisUrl: config.limits.redisUrl,
    log,
    closers,
    challenge: createChallenge(config.publicUrl),
  })
  const limits = connectLimits('mcp-tools', config.limits, log, closers)
  const pool = connectPostgres(config.database, log, closers)
  const db = connectPrisma(pool, closers, (adapter) => new PrismaClient({ adapter }))
  const peer = (service: string, baseUrl: string) => {
    const made = connectPeer({ service, baseUrl, tokens, timeoutMs: PEER_MS })
    return closers.add(service, made, (it) => it.close())
  }
  const sandbox = createSandbox({ ...config.sandbox, maxOutputBytes: 64 << 10, maxQueue: 32, log })
  closers.add('sandbox', sandbox, (it) => it.close())
  const guarded = createGuardedFetch({ ...FETCH_LIMITS, allow: config.outboundAllow })
  closers.add('fetch', guarded, (it) => it.close())
  const toolDeps: ToolDeps = {
    log,
    now: () => new Date(),
    search: createSearch(config.search, log),
    fetch: guarded.fetch,
    extract: createPageExtractor(),
    pages: createPageTurns(),
    sandbox,
    sandboxNeedsApproval: config.sandbox.requireApproval,
  }
  const policy = defaultPolicy
  const catalog = createCatalog([createBuiltInSource(tools, toolDeps)], policy)
  const modern = createModernHandlers({ catalog, policy, log })
  closers.add('mcp', modern, ({ auto, sse }) => Promise.all([auto.close(), sse.close()]))
  return {
    ...toolDeps,
    pool,
    db,
    redis: limits.redis,
    llmApi: peer('llm-api', config.llmApi.url),
    mediaApi: peer('media-api', config.mediaApi.url),
    catalog,
    policy,
    metrics: createMetrics('mcp-tools'),
    authenticate,
    limiter: limits.limiter,
    dependencies: [
      postgresDependency(pool),
      ...(config.auth.enabled ? [identityDependency(config.auth.jwksUrl)] : []),
      ...limits.dependencies,
    ],
    newId: randomUUID,
    publicUrl: config.publicUrl,
    issuer: config.auth.issuer,
    trustedNames: buildTrustedNames({
      publicUrl: config.publicUrl,
      hosts: config.allowedHosts,
      origins: config.allowedOrigins,
    }),
    sessions: createSessions(deriveSessionKeys(config.sessionKeys, config.auth.internalKeys)),
    inFlight: createInFlightCalls(),
    modern,
    openStreamAfterMs: 10_000,
  }
}

/** The engine that was asked for, then the others that are set up; offline comes last and always answers. */
function createSearch(config: Config['search'], log: Logger): Deps['search'] {
  const { engine, serperKey, searxngUrl } = config
  const ready: EngineName[] = [...(serperKey ? ['serper' as const] : []), ...(searxngUrl ? ['searxng' as const] : [])]
  const first = engine ?? ready[0] ?? 'offline'
  if (first !== 'offline' && !ready.includes(first))
    log.warn({ engine: first }, 'MCP_SEARCH_ENGINE names an engine without a key or URL; it will be passed over')
  const order = first === 'offline' ? [first] : [...new Set([first, ...ready, 'offline' as const])]
  return {
    engines: createEngines({
      order,
      serper: serperKey && { apiKey: serperKey.reveal() },
      searxng: searxngUrl === undefined ? undefined : { url: searxngUrl },
    }),
    domains: config.domains.length > 0 ? config.domains : undefined,
    locationHint: config.locationHint,
    offline: config.offline,
  }
}

/** Known tokens and services keep working without it; new tokens cannot be checked. */
const identityDependency = (jwksUrl: string): Dependency => ({
  name: 'identity',
  required: false,
  check: async () => {
    const response = await fetch(jwksUrl, { signal: AbortSignal.timeout(1500) })
    await response.body?.cancel()
    if (!response.ok) throw new Error(`the identity provider answered ${response.status}`)
  },
})
