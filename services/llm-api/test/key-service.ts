import { createTestDatabase } from '@jan/testkit/postgres'
import { createTokenIssuer } from '@jan/testkit/tokens'
import { internalTokensOf, startReplica } from './boot.ts'
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
  const stops: (() => Promise<void>)[] = []

  const replica = async () => {
    const { url, stop } = await startReplica(database, issuer, {
      KEYCLOAK_BASE_URL: identity.url,
      REQUESTS_PER_MINUTE: '0',
      ...env,
    })
    stops.push(stop)
    const call = async (path: string, { method, headers = {}, json }: Sent = {}): Promise<Reply> => {
      const answer = await fetch(`${url}${path}`, {
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
    return { url, call, knock, introspect }
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
