import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type ErrorRequestHandler } from 'express'
import pg from 'pg'
import { createAdminApi } from './admin-api.ts'
import { connect, type Deps } from './deps.ts'
import { answerOf, HttpError } from './http-error.ts'
import { createMasterRealm, type MasterAdmin } from './master-realm.ts'
import { createOpenidRoutes } from './openid-routes.ts'
import { expandPlaceholders } from './realm-file.ts'

/** `realmFile` is the path of a Keycloak realm import, `realm` its parsed content. */
export type IdentityOptions = ({ realmFile: string } | { realm: Record<string, unknown> }) & {
  /** Public address, e.g. `http://localhost:8085`; the issuer is `<baseUrl>/realms/jan` however a request came. */
  baseUrl: string
  /** Connection string of a database of its own; the table is made in it. */
  database: string
  /** Values of the realm file's `${NAME}` placeholders: secrets, and ports of redirect addresses. */
  secrets: Record<string, string | undefined>
  masterAdmin: MasterAdmin
  /** scrypt's N for new passwords; a small power of two makes tests quick. */
  hashCost?: number
  production: boolean
  log?: Log
}

type Log = (event: { level: 'info' | 'error'; message: string; error?: unknown }) => void

export type IdentityProvider = {
  /** @param port 0 for any free one @param host a loopback address */
  listen(port: number, host?: string): Promise<{ port: number }>
  close(): Promise<void>
}

const LOOPBACK = ['127.0.0.1', '::1', 'localhost']
const SWEEP_EVERY = 3_600_000
/** How long requests in flight may take when stopping. */
const DRAIN = 1_000
/** Longer than the gateway and the services keep idle connections, so that none is closed under a request. */
const KEEP_ALIVE = 75_000

/**
 * The laptop's identity provider: answers as Keycloak 26 does, for one realm, with everything kept in PostgreSQL.
 * A stand-in: it listens on loopback only and refuses to run in production.
 * @throws Error for production, a realm file that cannot be used, a missing secret or an unreachable database
 */
export async function createIdentityProvider(options: IdentityOptions): Promise<IdentityProvider> {
  if (options.production) {
    throw new Error('The embedded identity provider is for development only; run Keycloak in production')
  }
  const log = options.log ?? (() => {})
  const text = 'realm' in options ? JSON.stringify(options.realm) : await readFile(options.realmFile, 'utf8')
  const definition: unknown = JSON.parse(expandPlaceholders(text, options.secrets))
  const limits = { max: 10, connectionTimeoutMillis: 5_000, statement_timeout: 10_000 }
  const pool = new pg.Pool({ ...limits, connectionString: options.database })
  // An idle connection that breaks is replaced; without a listener it would end the process.
  pool.on('error', (error) => log({ level: 'error', message: 'database connection lost', error }))
  try {
    const deps = await connect(pool, definition, options.baseUrl, options.hashCost ?? 16_384)
    await deps.sessions.sweep()
    const server = createServer(createApp(deps, pool, options.masterAdmin, log))
    server.keepAliveTimeout = KEEP_ALIVE
    return serve(server, deps, pool, log)
  } catch (error) {
    await pool.end()
    throw error
  }
}

function serve(server: Server, { sessions }: Deps, pool: pg.Pool, log: Log): IdentityProvider {
  const sweep = () => sessions.sweep().catch((error) => log({ level: 'error', message: 'sweep failed', error }))
  const sweeping = setInterval(sweep, SWEEP_EVERY).unref()
  return {
    async listen(port, host = '127.0.0.1') {
      if (!LOOPBACK.includes(host)) {
        throw new Error(`The embedded identity provider listens on loopback only, not on ${host}`)
      }
      await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve))
      return { port: (server.address() as AddressInfo).port }
    },
    async close() {
      clearInterval(sweeping)
      const cut = setTimeout(() => server.closeAllConnections(), DRAIN).unref()
      await new Promise((resolve) => server.close(resolve))
      clearTimeout(cut)
      await pool.end()
    },
  }
}

function createApp(deps: Deps, pool: pg.Pool, masterAdmin: MasterAdmin, log: Log): express.Express {
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
  app.use('/admin/realms', createAdminApi(deps))
  app.use(() => {
    throw new HttpError(404, { error: 'Unable to find matching target resource method' })
  })
  const answerError: ErrorRequestHandler = (error, _req, res, _next) => {
    const answer = answerOf(error)
    if (answer.status >= 500) log({ level: 'error', message: 'request failed', error })
    res.status(answer.status).set(answer.headers)
    if (answer.body === undefined) res.end()
    else res.json(answer.body)
  }
  return app.use(answerError)
}
