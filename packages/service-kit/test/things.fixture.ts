import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { z } from 'zod'
import { bytes, empty, json, redirect, sse } from '../src/answer.ts'
import type { Authenticate } from '../src/auth.ts'
import { AppError } from '../src/errors.ts'
import { createFieldCipher, parseFieldKeys } from '../src/field-encryption.ts'
import { createHttpApp } from '../src/http-app.ts'
import { createIdempotency } from '../src/idempotency.ts'
import { createServerFor, listen } from '../src/lifecycle.ts'
import { silentLogger } from '../src/logger.ts'
import { createMetrics } from '../src/metrics.ts'
import { prepareDatabase } from '../src/prepare-database.ts'
import { type Route, route, streamOf } from '../src/route.ts'
import type { Who } from '../src/who.ts'

/** A service that makes things, and misbehaves as its requests say. */
export type ThingsOptions = { databaseUrl: string; fieldKeys: string; leaseMs: number }

export async function prepareThings(databaseUrl: string): Promise<void> {
  const folder = join(mkdtempSync(join(tmpdir(), 'things-')), '0001_init')
  mkdirSync(folder)
  writeFileSync(
    join(folder, 'migration.sql'),
    `CREATE TABLE thing (id text PRIMARY KEY, workspace_id text NOT NULL, name text NOT NULL, made_at timestamptz NOT NULL);
     CREATE TABLE act (name text NOT NULL);
     CREATE TABLE go (name text NOT NULL);`,
  )
  await prepareDatabase(databaseUrl, join(folder, '..'))
}

const CreateThing = z.object({
  name: z.string(),
  /** Waits, before or after the thing is stored, until `go` has its name. */
  wait: z.enum(['before', 'after']).optional(),
  /** How many acts fail, with the thing stored: thrown, or as an answer. */
  failures: z.int().default(0),
  answered: z.boolean().default(false),
  store: z.boolean().default(true),
})
type CreateThing = z.output<typeof CreateThing>
const anything = z.record(z.string(), z.unknown())
const events = streamOf('text/event-stream', 'events')

/** No credentials but a name. */
const believe: Authenticate = async ({ 'x-name': subject }) => {
  if (subject?.startsWith('service:')) return { kind: 'service', service: subject.slice(8) }
  return subject ? { kind: 'user', subject, workspaceId: subject, roles: [] } : undefined
}

export async function startThings({ databaseUrl, fieldKeys, leaseMs }: ThingsOptions) {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 })
  pool.on('error', () => undefined)
  const idempotency = createIdempotency({ pool, cipher: createFieldCipher(parseFieldKeys(fieldKeys)), leaseMs })
  const app = createHttpApp({
    service: 'things',
    version: '1',
    log: silentLogger,
    metrics: createMetrics('things'),
    authenticate: believe,
    routes: routes(pool),
    dependencies: [],
    bodyLimit: 10_000,
    idempotency,
  })
  const server = createServerFor(app)
  const url = `http://127.0.0.1:${await listen(server, { host: '127.0.0.1', port: 0 })}`
  return {
    url,
    idempotency,
    close: async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
      await pool.end()
    },
  }
}

const routes = (pool: pg.Pool): Route[] => [
  route({
    operation: 'create_thing',
    method: 'post',
    path: '/things',
    summary: 'Create',
    auth: 'any',
    body: CreateThing,
    answers: { 201: anything },
    idempotent: ({ body }) => body.store,
    handler: async ({ body, who }) => {
      const { id, made_at } = await makeThing(pool, who, body)
      if (body.answered && body.failures > 0 && (await actsOf(pool, body.name)) <= body.failures)
        return json({ error: 'not yet' }, { status: 502 })
      const secret = `sk_${body.name}`
      return json(
        { ä: 'ü\u2028"', 2: 'two', 1: 'one', id, made_at, secret, half: '\ud800', none: null, n: 1e21 },
        { status: 201, headers: { 'x-made': body.name, 'set-cookie': ['a=1', 'b=2'] } },
      )
    },
  }),
  route({
    operation: 'stream_thing',
    method: 'post',
    path: '/streams',
    summary: 'Create and tell',
    auth: 'person',
    body: CreateThing,
    answers: { 200: events },
    idempotent: true,
    handler: async ({ body, who }) => sse(tell((await makeThing(pool, who, body)).id)),
    replay: async ({ who }) => sse(tell(who.newId('thing'))),
  }),
  route({
    operation: 'stream_carelessly',
    method: 'post',
    path: '/careless',
    summary: 'A stream that nobody can replay, and that is not documented',
    auth: 'person',
    answers: { 200: anything },
    idempotent: true,
    handler: () => bytes(noBytes(), { type: 'text/plain', length: 0 }),
  }),
  route({
    operation: 'create_silently',
    method: 'post',
    path: '/silent',
    summary: 'Create and say nothing',
    auth: 'person',
    answers: { 204: null },
    idempotent: true,
    handler: async ({ who }) => {
      const { id } = await makeThing(pool, who, CreateThing.parse({ name: 'silent' }))
      return empty({ headers: { 'x-id': id } })
    },
  }),
  route({
    operation: 'create_elsewhere',
    method: 'post',
    path: '/elsewhere',
    summary: 'Create and say where',
    auth: 'person',
    answers: { 302: null },
    idempotent: true,
    handler: async ({ who }) => redirect(`/${(await makeThing(pool, who, CreateThing.parse({ name: 'there' }))).id}`),
  }),
]

async function* noBytes() {}

async function* tell(id: string) {
  yield { event: 'made', data: { id } }
  yield { data: '[DONE]' }
}

/** As verbs do: the id from `who`, and whatever is stored under it already stands. */
async function makeThing(pool: pg.Pool, who: Pick<Who, 'newId' | 'startedAt' | 'signal'>, body: CreateThing) {
  const id = who.newId('thing')
  await pool.query('INSERT INTO act VALUES ($1)', [body.name])
  if (body.wait === 'before') await untilGo(pool, who.signal, body.name)
  await pool.query('INSERT INTO thing VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING', [
    id,
    'w',
    body.name,
    who.startedAt,
  ])
  if (body.wait === 'after') await untilGo(pool, who.signal, body.name)
  if (!body.answered && (await actsOf(pool, body.name)) <= body.failures)
    throw new AppError('upstream_failed', 'It was stored, but nobody knows')
  const { rows } = await pool.query<{ id: string; made_at: Date }>('SELECT id, made_at FROM thing WHERE id = $1', [id])
  return rows[0]!
}

async function actsOf(pool: pg.Pool, name: string): Promise<number> {
  return (await pool.query('SELECT FROM act WHERE name = $1', [name])).rowCount ?? 0
}

async function untilGo(pool: pg.Pool, signal: AbortSignal, name: string): Promise<void> {
  while ((await pool.query('SELECT FROM go WHERE name = $1', [name])).rowCount === 0) {
    signal.throwIfAborted()
    await new Promise((done) => setTimeout(done, 10))
  }
}
