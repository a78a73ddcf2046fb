import { acceptKeys } from '@jan/service-kit/accept-keys'
import { bearerAuth } from '@jan/service-kit/auth'
import { Closers, createServerFor, listen } from '@jan/service-kit/lifecycle'
import { silentLogger } from '@jan/service-kit/logger'
import { createTestDatabase } from '@jan/testkit/postgres'
import { createTokenIssuer } from '@jan/testkit/tokens'
import { createApp } from '../src/app.ts'
import { loadConfig } from '../src/config.ts'
import { connect } from '../src/deps.ts'
import { FIELD_KEYS, INTERNAL_KEYS, internalTokensOf, NOWHERE } from './boot.ts'
import { startFakePeople } from './fake-people.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers are judged by their shape
type Json = any
export type Reply = { status: number; headers: Headers; body: Json }
export type Sent = { method?: string; headers?: Record<string, string>; json?: unknown }

/** Replicas of this service on one database, with people at an identity provider of the test's own. */
export async function startKeyService(env: Record<string, string> = {}) {
  const [database, issuer, identity] = await Promise.all([
    createTestDatabase({ service: 'llm-api' }),
    createTokenIssuer(),
    startFakePeople(),
  ])
  const config = loadConfig({
    LLM_API_LOG_LEVEL: 'silent',
    LLM_DATABASE_URL: database.url,
    INTERNAL_TOKEN_KEYS: INTERNAL_KEYS,
    FIELD_ENCRYPTION_KEYS: FIELD_KEYS,
    BACKEND_CLIENT_SECRET: 'test-secret',
    KEYCLOAK_BASE_URL: identity.url,
    JAN_MODEL_BASE_URL: `${NOWHERE}/v1`,
    MEDIA_API_URL: NOWHERE,
    REQUESTS_PER_MINUTE: '0',
    ...env,
  })
  const stops: (() => Promise<void>)[] = []

  const replica = async () => {
    const closers = new Closers()
    const deps = await connect(config, closers)
    // The first query loads Prisma's engine by a dynamic import, which jest refuses between tests.
    await deps.models.refresh().catch(() => undefined)
    const bearer = bearerAuth({
      keys: issuer.keys,
      issuer: issuer.issuer,
      audience: ['jan'],
      jwksUrl: `${NOWHERE}/certs`,
      internal: internalTokensOf('llm-api'),
    })
    const server = createServerFor(createApp({ ...deps, authenticate: acceptKeys(bearer, deps.apiKeys) }))
    const port = await listen(server, { host: '127.0.0.1', port: 0 })
    const stop = async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
      await closers.close(silentLogger)
    }
    stops.push(stop)
    const call = async (path: string, { method, headers = {}, json }: Sent = {}): Promise<Reply> => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
        method: method ?? (json === undefined ? 'GET' : 'POST'),
        headers: { ...(json === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      })
      const text = await answer.text()
      return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) }
    }
    /** Status of a request with this key. */
    const knock = async (key: string) => (await call('/auth/me', { headers: { 'x-api-key': key } })).status
    const introspect = async (hash: string) => {
      const token = await internalTokensOf('media-api').mint('llm-api', { kind: 'service', service: 'media-api' })
      const sent = { headers: { authorization: `Bearer ${token}` }, json: { hash } }
      return call('/internal/api-keys/introspect', sent)
    }
    return { call, knock, introspect }
  }

  const first = await replica()
  /** Headers of a person who is known at the provider. */
  const as = async (subject: string, roles = ['user']) => {
    if (!identity.people.has(subject)) identity.people.set(subject, { enabled: true, roles })
    return issuer.bearer(subject, { realm_access: { roles } })
  }
  /** A new key of a person. */
  const keyOf = async (subject: string, more: object = {}, roles?: string[]) => {
    const made = await first.call('/auth/api-keys', {
      headers: await as(subject, roles),
      json: { name: 'laptop', ...more },
    })
    if (made.status !== 201) throw new Error(JSON.stringify(made.body))
    return made.body as { id: string; key: string } & Json
  }
  return {
    ...first,
    database,
    identity,
    replica,
    as,
    keyOf,
    close: async () => {
      await Promise.all(stops.map((stop) => stop()))
      await identity.close()
      await database.drop()
    },
  }
}
export type KeyService = Awaited<ReturnType<typeof startKeyService>>
