import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type ErrorRequestHandler } from 'express'
import pg from 'pg'
import { createAdminApi } from './admin-api.ts'
import { connect, type Deps } from './deps.ts'
import { answerOf, HttpError, refuse } from './http-error.ts'
import { createMasterRealm, type MasterAdmin } from './master-realm.ts'
import { createOpenidRoutes } from './openid-routes.ts'
import { createOidcProvider } from './provider.ts'
import { expandPlaceholders, type RealmFile } from './realm-file.ts'

export type IdentityOptions = {
  /** Path of a Keycloak realm import. */
  realmFile: string
  /** Public address, e.g. `http://localhost:8085`; the issuer is `<baseUrl>/realms/jan` however a request came. */
  baseUrl: string
  /** Connection string of a database of its own; the table is made in it. */
  database: string
  /** Values of the realm file's `${NAME}` placeholders: secrets, and ports of redirect addresses. */
  secrets: Record<string, string | undefined>
  masterAdmin: MasterAdmin
  /** Addresses that logins of `jan-mcp` may end at, letter by letter, beside those of the realm. */
  mcpRedirectUris?: string[]
  /** scrypt's N for new passwords; a small power of two makes tests quick. */
  hashCost?: number
  production: boolean
  log?: Log
}
type Log = (message: string, error: unknown) => void

/**
 * The laptop's identity provider: answers as Keycloak 26 does, for one realm, with everything kept in PostgreSQL.
 * A stand-in: it listens on loopback only and refuses to run in production.
 * @throws Error for production, a realm file that cannot be used, a missing secret or an unreachable database
 */
export async function createIdentityProvider(options: IdentityOptions) {
  const { realmFile, baseUrl, database, secrets, masterAdmin, hashCost = 16_384, production, log = () => {} } = options
  if (production) throw new Error('The embedded identity provider is for development only; run Keycloak in production')
  const definition: RealmFile = JSON.parse(expandPlaceholders(await readFile(realmFile, 'utf8'), secrets))
  const limits = { max: 10, connectionTimeoutMillis: 5_000, statement_timeout: 10_000 }
  const pool = new pg.Pool({ ...limits, connectionString: database })
  // An idle connection that breaks is replaced; without a listener it would end the process.
  pool.on('error', (error) => log('database connection lost', error))
  const base = await connect(pool, definition, baseUrl, hashCost).catch(async (error) => {
    await pool.end()
    throw error
  })
  const deps: Deps = { ...base, provider: createOidcProvider(base, options.mcpRedirectUris ?? []) }
  // Longer than the services keep idle connections, so that none is closed under a request.
  const server = createServer({ keepAliveTimeout: 75_000 }, createApp(deps, pool, masterAdmin, log))
  return {
    /** On loopback. @param port 0 for any free one */
    async listen(port: number): Promise<{ port: number }> {
      await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
      return { port: (server.address() as AddressInfo).port }
    },
    async close(): Promise<void> {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
      await pool.end()
    },
  }
}

function createApp(deps: Deps, pool: pg.Pool, masterAdmin: MasterAdmin, log: Log): express.Express {
  const app = express().disable('x-powered-by').disable('etag')
  app.get('/healthz', async (_, res) => {
    await pool.query('SELECT 1')
    res.json({ status: 'ok' })
  })
  app.use(`/realms/${deps.realm.realm}`, createOpenidRoutes(deps))
  app.use('/realms/master', createMasterRealm(deps.baseUrl, deps.signer, masterAdmin))
  app.use('/realms/:realm', refuse(new HttpError(404, { error: 'Realm does not exist' })))
  app.use('/admin/realms', createAdminApi(deps))
  app.use(refuse(new HttpError(404, { error: 'Unable to find matching target resource method' })))
  const answerError: ErrorRequestHandler = (error, _req, res, _next) => {
    const { status, headers, body } = answerOf(error).answer
    if (status >= 500) log('request failed', error)
    res.status(status).set(headers)
    if (body === undefined) res.end()
    else res.json(body)
  }
  return app.use(answerError)
}
