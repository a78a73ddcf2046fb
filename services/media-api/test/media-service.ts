import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bearerAuth, firstOf } from '@jan/service-kit/auth'
import { createInternalTokens, parseInternalKeys } from '@jan/service-kit/internal-token'
import { Closers, createServerFor, listen } from '@jan/service-kit/lifecycle'
import { silentLogger } from '@jan/service-kit/logger'
import { createTestDatabase, type TestDatabase } from '@jan/testkit/postgres'
import { createTokenIssuer } from '@jan/testkit/tokens'
import { serviceKeyAuth } from '../src/access/service-key.ts'
import { createApp } from '../src/app.ts'
import { loadConfig } from '../src/config.ts'
import { connect, type Deps } from '../src/deps.ts'
import { dataUrl } from './images.ts'

export const INTERNAL_KEYS = `test:${Buffer.alloc(32, 7).toString('base64url')}`
export const FIELD_KEYS = `test:${Buffer.alloc(32, 8).toString('base64url')}`
export const URL_SECRET = 'a-secret-of-this-test-run-that-is-long-enough'
export const SERVICE_KEY = 'changeme-media-key'

type Json = Record<string, unknown>
export type Reply = { status: number; headers: Headers; body: Json }
export type Call = { method?: string; json?: unknown; text?: string; headers?: Record<string, string> }

export type MediaService = {
  url: string
  db: TestDatabase
  deps: Deps
  /** Headers of a person's token. */
  as: (subject: string, claims?: Json) => Promise<Record<string, string>>
  call: (path: string, call?: Call) => Promise<Reply>
  /** Stores a data URL and expects success. */
  store: (bytes: Buffer, headers: Record<string, string>, more?: Json) => Promise<{ id: string } & Json>
  /** Files in the storage folder. */
  files: () => Promise<string[]>
  close: () => Promise<void>
}

type Options = { env?: Record<string, string>; replace?: (deps: Deps) => Partial<Deps> }

/** The service as it runs, on a free port, with a database and a folder of its own; only the identity provider's keys are the test's. */
export async function startMediaService({ env = {}, replace = () => ({}) }: Options = {}): Promise<MediaService> {
  const [db, folder, issuer] = await Promise.all([
    createTestDatabase({ service: 'media-api' }),
    mkdtemp(join(tmpdir(), 'jan-media-')),
    createTokenIssuer(),
  ])
  const config = loadConfig({
    MEDIA_API_HTTP_PORT: '0',
    MEDIA_API_LOG_LEVEL: 'silent',
    MEDIA_DATABASE_URL: db.url,
    MEDIA_DISK_PATH: folder,
    MEDIA_URL_SECRET: URL_SECRET,
    INTERNAL_TOKEN_KEYS: INTERNAL_KEYS,
    FIELD_ENCRYPTION_KEYS: FIELD_KEYS,
    ...env,
  })
  const closers = new Closers()
  const connected = await connect(config, closers)
  const bearer = bearerAuth({
    ...issuer,
    audience: ['jan'],
    jwksUrl: 'http://identity.test/certs',
    internal: createInternalTokens('media-api', parseInternalKeys(INTERNAL_KEYS)),
  })
  const authenticate = firstOf(serviceKeyAuth(config.serviceKey), bearer)
  const usual = { ...connected, authenticate }
  const deps = { ...usual, ...replace(usual) }
  const server = createServerFor(createApp(deps))
  const port = await listen(server, config.http)
  const url = `http://127.0.0.1:${port}`

  const call: MediaService['call'] = async (path, { method, json, text, headers } = {}) => {
    const body = json === undefined ? text : JSON.stringify(json)
    const answer = await fetch(new URL(path, url), {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body }),
    })
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Json }
  }

  return {
    url,
    db,
    deps,
    as: (subject, claims) => issuer.bearer(subject, claims),
    call,
    store: async (bytes, headers, more = {}) => {
      const source = { type: 'data_url', data_url: dataUrl(bytes) }
      const reply = await call('/v1/media', { json: { source, ...more }, headers })
      if (reply.status !== 200) throw new Error(`${reply.status} ${JSON.stringify(reply.body)}`)
      return reply.body as { id: string } & Json
    },
    files: async () => {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true })
      return entries.filter((entry) => entry.isFile()).map((entry) => entry.name)
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
      await closers.close(silentLogger)
      await db.drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
