import { bearerAuth } from '@jan/service-kit/auth'
import { Closers, createServerFor, listen } from '@jan/service-kit/lifecycle'
import { silentLogger } from '@jan/service-kit/logger'
import { createTestDatabase } from '@jan/testkit/postgres'
import { createTokenIssuer } from '@jan/testkit/tokens'
import { createApp } from '../src/app.ts'
import { loadConfig } from '../src/config.ts'
import { connect } from '../src/deps.ts'

/** Key rings of the tests. */
export const KEYS = {
  INTERNAL_TOKEN_KEYS: `test:${Buffer.alloc(32, 7).toString('base64url')}`,
  FIELD_ENCRYPTION_KEYS: `test:${Buffer.alloc(32, 8).toString('base64url')}`,
}

export type Reply = { status: number; headers: Headers; body: Record<string, unknown> }

/** The service as it runs, on a free port, with a database of its own; only the identity provider's keys are the test's. */
export async function boot(env: Record<string, string> = {}) {
  const [database, issuer] = await Promise.all([createTestDatabase({ service: 'template-api' }), createTokenIssuer()])
  const config = loadConfig({
    TEMPLATE_API_HTTP_PORT: '0',
    TEMPLATE_API_LOG_LEVEL: 'silent',
    TEMPLATE_DATABASE_URL: database.url,
    ...KEYS,
    ...env,
  })
  const closers = new Closers()
  const authenticate = bearerAuth({ ...issuer, audience: ['jan'], jwksUrl: 'http://identity.test/certs' })
  const deps = { ...(await connect(config, closers)), authenticate }
  const server = createServerFor(createApp(deps))
  const url = `http://127.0.0.1:${await listen(server, config.http)}`

  /** A GET, or a POST of `body`. */
  const call = async (path: string, headers: Record<string, string> = {}, body?: unknown): Promise<Reply> => {
    const posted = { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) }
    const answer = await fetch(new URL(path, url), { headers, ...(body === undefined ? {} : posted) })
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Reply['body'] }
  }

  return {
    url,
    database,
    call,
    /** Headers of a person's token. */
    as: (subject: string) => issuer.bearer(subject),
    close: async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
      await closers.close(silentLogger)
      await database.drop()
    },
  }
}
export type Booted = Awaited<ReturnType<typeof boot>>
