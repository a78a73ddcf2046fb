import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startRedis } from '@jan/embedded/redis'
import { serve } from '@jan/testkit/serve'
import { startTcpProxy, type TcpProxy } from '@jan/testkit/tcp-proxy'
import { createTokenIssuer } from '@jan/testkit/tokens'
import { lowPort } from './low-port.ts'
import { type PostgresServer, startPostgresServer } from './postgres-server.ts'

/** What replicas stand on, all of it real and all of it ours to break. */
export type World = {
  /** For files of a run; gone with the world. */
  folder: string
  postgres: PostgresServer
  /** Redis as the replicas see it. */
  redis: TcpProxy
  /** What every service is told: who signs tokens, which keys there are, where Redis is, how much one may ask. */
  environment: Record<string, string>
  bearer(subject: string): Promise<{ authorization: string }>
  [Symbol.asyncDispose](): Promise<void>
}

/** Nothing listens there. */
export const NOWHERE = 'http://127.0.0.1:9'

const newKey = () => `chaos:${randomBytes(32).toString('base64url')}`

export async function startWorld(): Promise<World> {
  await using opening = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'jan-chaos-'))
  // Root's PostgreSQL runs as nobody, who must be able to enter.
  chmodSync(folder, 0o755)
  opening.defer(() => rmSync(folder, { recursive: true, force: true }))
  const postgres = opening.use(await startPostgresServer(folder))
  const redisPort = await lowPort()
  opening.defer(await startRedis(redisPort))
  const redis = opening.use(await startTcpProxy(redisPort))
  const issuer = await createTokenIssuer()
  const certificates = opening.use(
    await serve((_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(issuer.keys.jwks())),
    ),
  )
  const opened = opening.move()
  return {
    folder,
    postgres,
    redis,
    environment: {
      AUTH_ISSUER: issuer.issuer,
      AUTH_JWKS_URL: certificates.url,
      INTERNAL_TOKEN_KEYS: newKey(),
      FIELD_ENCRYPTION_KEYS: newKey(),
      REDIS_URL: `redis://127.0.0.1:${redis.port}`,
      // Limits are counted as ever, and nobody reaches them.
      REQUESTS_PER_MINUTE: '1000000',
    },
    bearer: (subject) => issuer.bearer(subject),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
