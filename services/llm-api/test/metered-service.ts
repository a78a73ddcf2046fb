import { json } from '@jan/service-kit/answer'
import { bearerAuth } from '@jan/service-kit/auth'
import { Secret } from '@jan/service-kit/config'
import { createFieldCipher, parseFieldKeys } from '@jan/service-kit/field-encryption'
import { createHttpApp } from '@jan/service-kit/http-app'
import { createIdempotency } from '@jan/service-kit/idempotency'
import { newId } from '@jan/service-kit/ids'
import { Closers } from '@jan/service-kit/lifecycle'
import { silentLogger as log } from '@jan/service-kit/logger'
import { createMetrics, type HttpMetrics } from '@jan/service-kit/metrics'
import { connectPostgres } from '@jan/service-kit/postgres'
import { connectRedis } from '@jan/service-kit/redis'
import { route } from '@jan/service-kit/route'
import { createTestDatabase, type TestDatabase } from '@jan/testkit/postgres'
import { type Served, serve } from '@jan/testkit/serve'
import { createTokenIssuer, type TokenIssuer } from '@jan/testkit/tokens'
import { until } from '@jan/testkit/until'
import { z } from 'zod'
import { createAuditStore } from '../src/audit/audit.store.ts'
import { budgetRoutes } from '../src/budgets/budgets.routes.ts'
import { type Deps, meteringStores, openPrisma } from '../src/deps.ts'
import { limitRoutes } from '../src/limits/limits.routes.ts'
import type { LimitSettings } from '../src/limits/limits.ts'
import type { Deployment, OfferedModel, Prices } from '../src/models/offered-model.ts'
import { connectMetering, type MeteringParts } from '../src/usage/connect-metering.ts'
import type { CallResult, MeteredCall, Metering } from '../src/usage/metering.ts'
import { usageRoutes } from '../src/usage/usage.routes.ts'
import { workspaceSettingsRoutes } from '../src/usage/workspace-settings.routes.ts'

export const FREE = { requestsPerMinute: 0, tokensPerMinute: 0, concurrentRequests: 0 }
export const NO_LIMITS: LimitSettings = { user: FREE, key: FREE, model: FREE }

export const deploymentOf = (model: string, prices: Prices = {}): Deployment => ({
  id: 'pmdl_one',
  providerId: 'prov_one',
  providerName: 'one',
  kind: 'custom',
  modelId: `${model}-q4`,
  weight: 1,
  contextLength: undefined,
  maxCompletionTokens: undefined,
  prices,
  takesImages: false,
  takesFiles: false,
  reachesUs: false,
})

export const modelOf = (id: string, prices: Prices = {}): OfferedModel => ({
  id,
  displayName: id,
  ownedBy: 'one',
  createdAt: new Date(0),
  contextLength: undefined,
  longer: undefined,
  deployments: [deploymentOf(id, prices)],
  ...{ modelId: `${id}-q4` },
})

/** A call as a relay makes it: what it says of itself, and how it ends. `hold`: it runs until `release`. */
export type TestCall = Partial<Omit<MeteredCall, 'model'>> & {
  model?: string
  prices?: Prices
  result?: CallResult
  hold?: boolean
}

export type MeteredService = {
  url: string
  issuer: TokenIssuer
  database: TestDatabase
  metrics: HttpMetrics
  parts: MeteringParts
  /** Sets the clock: by default it is the real one. */
  setNow(at: Date | undefined): void
  /** Ends what is held. */
  release(): void
  stop(): Promise<void>
}

type Options = {
  limits?: Partial<LimitSettings>
  redisUrl?: string
  database?: TestDatabase
  issuer?: TokenIssuer
  databaseUrl?: string
}

/** Usage, budgets and limits over HTTP and PostgreSQL, and `POST /calls`, which stands for any relay. */
export async function startMetered(options: Options = {}): Promise<MeteredService> {
  const issuer = options.issuer ?? (await createTokenIssuer())
  const database = options.database ?? (await createTestDatabase({ service: 'llm-api' }))
  const closers = new Closers()
  let at: Date | undefined
  const now = () => at ?? new Date()
  const metrics = createMetrics('llm-api')
  const redis = options.redisUrl === undefined ? undefined : connectRedis(options.redisUrl, log, closers)
  if (redis) await until(() => redis.status === 'ready')
  const url = new Secret(options.databaseUrl ?? database.url)
  const pool = connectPostgres({ url, poolMax: 4, statementTimeoutMs: 5_000 }, log, closers)
  const prisma = openPrisma(pool, closers)
  const settings = { ...NO_LIMITS, ...options.limits }
  const parts = connectMetering(settings, meteringStores(pool, prisma), { redis, metrics, log, closers, now })
  const deps = { ...parts, audit: createAuditStore(prisma), now, newId } as unknown as Deps
  const held: Metering[] = []
  const app = createHttpApp({
    service: 'llm-api',
    version: '1',
    log,
    metrics,
    authenticate: callerOf(issuer),
    idempotency: createIdempotency({
      pool,
      cipher: createFieldCipher(parseFieldKeys(`k:${Buffer.alloc(32).toString('base64url')}`)),
    }),
    routes: [
      ...usageRoutes(deps),
      ...budgetRoutes(deps),
      ...limitRoutes(deps),
      ...workspaceSettingsRoutes(deps),
      callRoute(deps, held),
    ],
    dependencies: [],
    bodyLimit: 100_000,
  })
  // The first query loads Prisma's engine by a dynamic import, which jest refuses between tests; so it is awaited here.
  await prisma.budget.findFirst().catch(() => undefined)
  const server: Served = await serve(app.handler)
  return {
    url: server.url,
    issuer,
    database,
    metrics,
    parts,
    setNow: (time) => {
      at = time
    },
    release: () => {
      for (const metering of held.splice(0)) metering.end(OK)
    },
    stop: async () => {
      await server.close()
      await closers.close(log)
    },
  }
}

export const OK: CallResult = { outcome: 'ok', status: 200, usage: { promptTokens: 10, completionTokens: 5 } }

const callRoute = (deps: Deps, held: Metering[]) =>
  route({
    operation: 'create_call',
    method: 'post',
    path: '/calls',
    summary: '',
    auth: 'person',
    body: z.looseObject({}),
    answers: { 200: z.looseObject({}) },
    handler: async ({ body, who }) => {
      const { model = 'm', prices, result = OK, hold, ...call } = body as TestCall
      const offered = modelOf(model, prices)
      const metering = await deps.meter.begin(who, {
        operation: 'chat',
        promptBytes: 40,
        stream: false,
        ...call,
        model: offered,
      })
      metering.served(offered.deployments[0]!, 1)
      metering.firstToken()
      if (hold) held.push(metering)
      else metering.end(result)
      return json({}, { headers: metering.headers })
    },
  })

/** Tokens of people; with `x-key-id` it is a key of theirs. */
function callerOf(issuer: TokenIssuer) {
  const bearer = bearerAuth({
    keys: issuer.keys,
    issuer: issuer.issuer,
    audience: ['jan'],
    jwksUrl: 'http://127.0.0.1:9',
  })
  return async (headers: Readonly<Record<string, string | undefined>>) => {
    const caller = await bearer(headers)
    const keyId = headers['x-key-id']
    return caller && caller.kind !== 'service' && keyId ? { ...caller, kind: 'key' as const, keyId } : caller
  }
}

type Answer = { status: number; headers: Headers; json: Record<string, unknown> }

/** Asks as a person; `key`: with this key of theirs, `admin`: as one. */
export async function ask(
  { url, issuer }: Pick<MeteredService, 'url' | 'issuer'>,
  subject: string,
  request: string,
  { json: body, key, headers = {} }: { json?: unknown; key?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const [method = 'GET', path = '/'] = request.split(' ')
  const roles = subject === 'root' ? ['user', 'admin'] : ['user']
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(await issuer.bearer(subject, { realm_access: { roles } })),
      ...(key === undefined ? {} : { 'x-key-id': key }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: answer.status, headers: answer.headers, json: (await answer.json()) as Record<string, unknown> }
}

export const callAs = (service: MeteredService, subject: string, call: TestCall = {}, key?: string) =>
  ask(service, subject, 'POST /calls', { json: call, ...(key === undefined ? {} : { key }) })
