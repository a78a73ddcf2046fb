import { randomBytes } from 'node:crypto'
import { createTestDatabase, type TestDatabase } from '@jan/testkit/postgres'
import { startTestRedis } from '@jan/testkit/redis'
import { type ServiceProcess, startServiceProcess } from '@jan/testkit/service-process'
import { type FaultyFront, startFaultyFront } from './faulty-front.ts'
import { openProvider, type Provider } from './provider.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers are judged by the tests, field by field
export type Json = any
export type Answer = { status: number; headers: Headers; json: Json }
export type Sent = { token?: string | undefined; json?: unknown; headers?: Record<string, string> }

/** Two replicas of llm-api over one database and Redis, with an identity provider behind a front that can fail. */
export type World = {
  provider: Provider
  realm: string
  front: FaultyFront
  replicas: [ServiceProcess, ServiceProcess]
  database: TestDatabase
  /** Calls the first replica, or the one given. */
  call(method: string, path: string, sent?: Sent, replica?: ServiceProcess): Promise<Answer>
  becomeGuest(): Promise<Json>
  close(): Promise<void>
}

const newKey = () => `t:${randomBytes(32).toString('base64url')}`

/** @param more settings of llm-api */
export async function openWorld(more: Record<string, string> = {}): Promise<World> {
  await using opening = new AsyncDisposableStack()
  const provider = opening.adopt(await openProvider(process.env), (each) => each.close())
  const front = opening.adopt(await startFaultyFront(provider.url), (each) => each.close())
  const redis = opening.adopt(await startTestRedis(), (each) => each.close())
  const database = opening.adopt(await createTestDatabase({ service: 'llm-api' }), (each) => each.drop())
  const realm = `${provider.url}/realms/jan`
  const environment = {
    LLM_DATABASE_URL: database.url,
    INTERNAL_TOKEN_KEYS: newKey(),
    FIELD_ENCRYPTION_KEYS: newKey(),
    REDIS_URL: redis.url,
    AUTH_ISSUER: realm,
    AUTH_JWKS_URL: `${realm}/protocol/openid-connect/certs`,
    KEYCLOAK_BASE_URL: front.url,
    KEYCLOAK_PUBLIC_URL: provider.url,
    BACKEND_CLIENT_SECRET: provider.clientSecret,
    JAN_MODEL_BASE_URL: 'http://127.0.0.1:9/v1',
    REQUESTS_PER_MINUTE: '0',
    GUEST_LIMIT_PER_HOUR: '0',
    ...more,
  }
  const start = async () =>
    opening.adopt(await startServiceProcess('llm-api', () => environment), (each) => each[Symbol.asyncDispose]())
  const replicas: World['replicas'] = [await start(), await start()]

  const call: World['call'] = async (method, path, { token, json, headers } = {}, replica = replicas[0]) => {
    const answer = await fetch(`${replica.url}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      body: json === undefined ? null : JSON.stringify(json),
    })
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, json: text === '' ? undefined : JSON.parse(text) }
  }
  const opened = opening.move()
  return {
    provider,
    realm,
    front,
    replicas,
    database,
    call,
    becomeGuest: async () => (await call('POST', '/auth/guest-login')).json,
    close: () => opened.disposeAsync(),
  }
}
