import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type ErrorRequestHandler } from 'express'
import pg from 'pg'
import { createAdminApi } from './admin-api.ts'
import { connect, type Deps } from './deps.ts'
import { HttpError, oauthError, unknownError } from './http-error.ts'
import { createMasterRealm, type MasterAdmin } from './master-realm.ts'
import { createOpenidRoutes } from './openid-routes.ts'
import { expandPlaceholders } from './realm-file.ts'
import { epochSeconds } from './tokens.ts'

export type IdentityOptions = {
  /** Path of a Keycloak realm import, or its parsed content. */
  realm: string | Record<string, unknown>
  /** Public address, e.g. `http://localhost:8085`; the issuer is `<baseUrl>/realms/jan` however a request came. */
  baseUrl: string
  /** Connection string, or a pool that stays the caller's. The tables `identity_*` are made in it. */
  database: string | pg.Pool
  /** Values of the realm file's `${NAME}` placeholders. */
  secrets: Record<string, string>
  masterAdmin: MasterAdmin
  /** scrypt's N for new passwords; a small power of two makes tests quick. */
  hashCost?: number
  production: boolean
  log?: (event: { level: 'info' | 'error'; message: string; error?: unknown }) => void
}

export type IdentityProvider = {
  /** @param port 0 for any free one @param host a loopback address */
  listen(port: number, host?: string): Promise<{ port: number }>
  close(): Promise<void>
}

const LOOPBACK = ['127.0.0.1', '::1', 'localhost']
const SWEEP_EVERY = 3_600_000
/** Longer than the gateway and the services keep idle connections, so that none is closed under a request. */
const KEEP_ALIVE = 75_000

/**
 * The laptop's identity provider: answers as Keycloak 26 does, for one realm, with everything kept in PostgreSQL.
 * A stand-in: it listens on loopback only and refuses to run in production.
 * @throws Error for production, a realm file that cannot be used, a missing secret or an unreachable database
 */
export async function createIdentityProvider(options: IdentityOptions): Promise<IdentityProvider> {
  if (options.production)
    throw new Error('The embedded identity provider is for development only; run Keycloak in production')
  const log = options.log ?? (() => {})
  const text = typeof options.realm === 'string' ? await readFile(options.realm, 'utf8') : JSON.stringify(options.realm)
  const definition: unknown = JSON.parse(expandPlaceholders(text, options.secrets))
  const ownPool = typeof options.database === 'string'
  const pool = ownPool
    ? new pg.Pool({ connectionString: options.database as string, max: 10 })
    : (options.database as pg.Pool)
  // An idle connection that breaks is replaced; without a listener it would end the process.
  const onBrokenConnection = (error: Error) => log({ level: 'error', message: 'database connection lost', error })
  pool.on('error', onBrokenConnection)
  const release = async () => {
    pool.off('error', onBrokenConnection)
    if (ownPool) await pool.end()
  }
  const deps = await connect(pool, definition, options.baseUrl, options.hashCost ?? 16_384).catch(async (error) => {
    await release()
    throw error
  })
  const server = createServer(createApp(deps, pool, options.masterAdmin, log))
  server.keepAliveTimeout = KEEP_ALIVE
  const sweep = () =>
    deps.sessions.sweep(epochSeconds()).catch((error) => log({ level: 'error', message: 'sweep failed', error }))
  await sweep()
  const sweeping = setInterval(sweep, SWEEP_EVERY).unref()

  return {
    async listen(port, host = '127.0.0.1') {
      if (!LOOPBACK.includes(host))
        throw new Error(`The embedded identity provider listens on loopback only, not on ${host}`)
      await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve))
      return { port: (server.address() as AddressInfo).port }
    },
    async close() {
      clearInterval(sweeping)
      await new Promise((resolve) => {
        server.close(resolve)
        server.closeIdleConnections()
      })
      await release()
    },
  }
}

function createApp(
  deps: Deps,
  pool: pg.Pool,
  masterAdmin: MasterAdmin,
  log: NonNullable<IdentityOptions['log']>,
): express.Express {
  const app = express().disable('x-powered-by').disable('etag')
  app.get('/healthz', async (_, res) => {
    const healthy = await pool.query('SELECT 1').then(
      () => true,
      () => false,
    )
    res.status(healthy ? 200 : 503).json({ status: healthy ? 'ok' : 'database unreachable' })
  })
  app.use(`/realms/${deps.realm.name}`, createOpenidRoutes(deps))
  app.use('/realms/master', createMasterRealm(deps.baseUrl, deps.signer, masterAdmin))
  app.use('/realms/:realm', () => {
    throw new HttpError(404, { error: 'Realm does not exist' })
  })
  app.use('/admin', createAdminApi(deps))
  app.use(() => {
    throw new HttpError(404, { error: 'Unable to find matching target resource method' })
  })
  const answerError: ErrorRequestHandler = (error, _req, res, _next) => {
    const answer = error instanceof HttpError ? error : requestError(error)
    if (answer.status >= 500) log({ level: 'error', message: 'request failed', error })
    res.status(answer.status).set(answer.headers)
    if (answer.body === undefined) res.end()
    else res.json(answer.body)
  }
  return app.use(answerError)
}

/** What express's body parsers and router refuse is the client's fault; anything else is ours. */
function requestError(error: { status?: number; type?: string; message?: string }): HttpError {
  if (error.type === 'entity.parse.failed') return oauthError(400, 'invalid_request', 'Cannot parse the JSON')
  if (error.status && error.status >= 400 && error.status < 500)
    return new HttpError(error.status, { error: error.message })
  return unknownError()
}
