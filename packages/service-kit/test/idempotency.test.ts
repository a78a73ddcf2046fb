import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { createInterface } from 'node:readline'
import { createTestDatabase, type TestDatabase } from '@jan/testkit/postgres'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { sse } from '../src/answer.ts'
import { bearerAuth } from '../src/auth.ts'
import { createHttpApp } from '../src/http-app.ts'
import type { Idempotency } from '../src/idempotency.ts'
import { silentLogger } from '../src/logger.ts'
import { createMetrics } from '../src/metrics.ts'
import { route, streamOf } from '../src/route.ts'
import { prepareThings, startThings, type ThingsOptions } from './things.fixture.ts'

type Things = Awaited<ReturnType<typeof startThings>>
type Sent = { name?: string; key?: string; path?: string; signal?: AbortSignal }
type Body = { name: string; [field: string]: unknown }

const LEASE_MS = 1000
const OLD_KEY = `old:${Buffer.alloc(32, 1).toString('base64url')}`
const NEW_KEY = `new:${Buffer.alloc(32, 2).toString('base64url')}`

let database: TestDatabase
let options: ThingsOptions
let one: Things
let two: Things
const children: ChildProcess[] = []

beforeAll(async () => {
  database = await createTestDatabase()
  await prepareThings(database.url)
  options = { databaseUrl: database.url, fieldKeys: OLD_KEY, leaseMs: LEASE_MS }
  one = await startThings(options)
  two = await startThings(options)
})
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await Promise.all([one.close(), two.close()])
  await database.drop()
})

const post = (url: string, body: unknown, { name = 'ann', key, path = '/things', signal }: Sent = {}) =>
  fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'x-name': name, ...(key === undefined ? {} : { 'idempotency-key': key }) },
    body: JSON.stringify(body),
    ...(signal ? { signal } : {}),
  })
const replayed = ({ headers }: Response) => headers.get('idempotency-replayed')
const idOf = async (response: Response) => ((await response.json()) as { id: string }).id
const thingsOf = (name: string) => database.query('SELECT id FROM thing WHERE name = $1', [name])
const actsOf = async (name: string) => (await database.query('SELECT FROM act WHERE name = $1', [name])).length
const go = (name: string) => database.query('INSERT INTO go VALUES ($1)', [name])

/** As a client does that heeds 409. */
const postUntilDone = (url: string, body: Body, sent: Sent) =>
  until(async () => {
    const response = await post(url, body, sent)
    return response.status !== 409 && response
  })

async function startProcess(): Promise<{ url: string; child: ChildProcess }> {
  const script = new URL('./things-process.fixture.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [script, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const [url] = (await once(createInterface(child.stdout!), 'line')) as [string]
  return { url, child }
}

describe('a request that was answered', () => {
  test('is answered again by any replica: same bytes, status and headers, and nothing is made [T-05]', async () => {
    const first = await post(one.url, { name: 'twice' }, { key: 'k-twice' })
    const second = await post(two.url, { name: 'twice' }, { key: 'k-twice' })
    expect([first.status, second.status]).toEqual([201, 201])
    expect([replayed(first), replayed(second)]).toEqual([null, 'true'])
    for (const header of ['content-type', 'content-length', 'x-made', 'set-cookie'])
      expect(second.headers.get(header)).toBe(first.headers.get(header))
    expect(Buffer.from(await second.arrayBuffer())).toEqual(Buffer.from(await first.arrayBuffer()))
    expect(await thingsOf('twice')).toHaveLength(1)
    expect(await actsOf('twice')).toBe(1)
  })

  test.each([
    ['/silent', 204, 'x-id'],
    ['/elsewhere', 302, 'location'],
  ])('without a body is answered again, too: %s [T-05]', async (path, status, header) => {
    const headers = { 'x-name': 'ann', 'idempotency-key': `k${path}` }
    const send = () => fetch(`${one.url}${path}`, { method: 'POST', headers, redirect: 'manual' })
    const [first, second] = [await send(), await send()]
    expect([first.status, second.status]).toEqual([status, status])
    expect(second.headers.get(header)).toBe(first.headers.get(header))
    expect(replayed(second)).toBe('true')
  })

  test('with a stream is told again by replay, under the same ids [T-05]', async () => {
    const sent = { key: 'k-stream', path: '/streams' }
    const first = await post(one.url, { name: 'stream' }, sent)
    const second = await post(two.url, { name: 'stream' }, sent)
    expect([replayed(first), replayed(second)]).toEqual([null, 'true'])
    expect(await second.text()).toBe(await first.text())
    expect(await actsOf('stream')).toBe(1)
  })

  test('is refused when it was another one: body, address or operation [T-07]', async () => {
    await post(one.url, { name: 'mine' }, { key: 'k-other' })
    for (const other of [
      post(one.url, { name: 'else' }, { key: 'k-other' }),
      post(two.url, { name: 'mine' }, { key: 'k-other', path: '/things?a=1' }),
      post(one.url, { name: 'mine' }, { key: 'k-other', path: '/streams' }),
    ]) {
      const response = await other
      expect(response.status).toBe(422)
      expect(await response.json()).toMatchObject({ error: { code: 'unprocessable', type: 'invalid_request_error' } })
    }
    expect(await thingsOf('else')).toEqual([])
  })

  test('is stored unreadably, and read after the keys were rotated [T-05 T-25]', async () => {
    const first = await (await post(one.url, { name: 'hushhush' }, { key: 'k-secret' })).text()
    expect(first).toContain('sk_hushhush')
    const rows = await database.query('SELECT * FROM service_kit.idempotency_key')
    expect(JSON.stringify(rows)).not.toContain('hushhush')
    const rotated = await startThings({ ...options, fieldKeys: `${NEW_KEY},${OLD_KEY}` })
    try {
      expect(await (await post(rotated.url, { name: 'hushhush' }, { key: 'k-secret' })).text()).toBe(first)
    } finally {
      await rotated.close()
    }
  })

  test('is forgotten after a day: then the key is free', async () => {
    const first = await idOf(await post(one.url, { name: 'day' }, { key: 'k-day' }))
    await database.query("UPDATE service_kit.idempotency_key SET created_at = created_at - interval '24 h'")
    const second = await post(two.url, { name: 'day' }, { key: 'k-day' })
    expect(replayed(second)).toBeNull()
    expect(await idOf(second)).not.toBe(first)
    expect((await post(one.url, { name: 'day' }, { key: 'k-day' })).headers.get('idempotency-replayed')).toBe('true')
  })
})

describe('equal requests at the same time', () => {
  test('20 on two replicas: one acts, the others wait for it or get its answer [T-06]', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => post([one, two][at % 2]!.url, { name: 'race' }, { key: 'k-race' })),
    )
    expect(answers.filter((answer) => answer.status === 201 && !replayed(answer))).toHaveLength(1)
    for (const answer of answers.filter(({ status }) => status !== 201)) {
      expect(answer.status).toBe(409)
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(await answer.json()).toMatchObject({ error: { code: 'conflict' } })
    }
    expect(await actsOf('race')).toBe(1)
    expect(replayed(await post(two.url, { name: 'race' }, { key: 'k-race' }))).toBe('true')
  })

  test('20 on two replicas after a failure: one acts again [T-06 T-09]', async () => {
    const body = { name: 'race again', failures: 1 }
    expect((await post(one.url, body, { key: 'k-race-again' })).status).toBe(502)
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => post([one, two][at % 2]!.url, body, { key: 'k-race-again' })),
    )
    expect(answers.filter((answer) => answer.status === 201 && !replayed(answer))).toHaveLength(1)
    expect(await actsOf('race again')).toBe(2)
  })

  test('one that takes longer than the lease keeps it; another request is refused at once [T-06 T-07]', async () => {
    const body = { name: 'slow', wait: 'before' }
    const first = post(one.url, body, { key: 'k-slow' })
    await until(async () => (await actsOf('slow')) === 1)
    const afterTheLease = Date.now() + 1.3 * LEASE_MS
    while (Date.now() < afterTheLease) expect((await post(two.url, body, { key: 'k-slow' })).status).toBe(409)
    expect((await post(two.url, { name: 'slower' }, { key: 'k-slow' })).status).toBe(422)
    await go('slow')
    expect((await first).status).toBe(201)
    expect(await actsOf('slow')).toBe(1)
  })

  test('20 owners of one key are 20 strangers, services among them [T-08]', async () => {
    const names = Array.from({ length: 20 }, (_, at) => (at % 4 === 0 ? `service:s${at}` : `person${at}`))
    const answers = await Promise.all(names.map((name) => post(one.url, { name }, { name, key: 'k-common' })))
    expect(answers.map((answer) => [answer.status, replayed(answer)])).toEqual(names.map(() => [201, null]))
    expect(new Set(await Promise.all(answers.map(idOf))).size).toBe(20)
    expect((await post(two.url, { name: 'his own' }, { name: 'person1', key: 'k-common' })).status).toBe(422)
    expect((await post(two.url, { name: 'his own' }, { name: 'person20', key: 'k-common' })).status).toBe(201)
  })
})

describe('a request that failed', () => {
  test.each([false, true])(
    'is done again, and finds what it had stored already (answered: %s) [T-09]',
    async (answered) => {
      const body = { name: `fails ${answered}`, failures: 2, answered }
      const key = `k-fails-${answered}`
      expect(
        [await post(one.url, body, { key }), await post(two.url, body, { key })].map(({ status }) => status),
      ).toEqual([502, 502])
      const third = await post(one.url, body, { key })
      expect([third.status, replayed(third)]).toEqual([201, null])
      expect(await thingsOf(body.name)).toEqual([{ id: await idOf(third) }])
      expect(replayed(await post(one.url, body, { key }))).toBe('true')
    },
  )

  test('leaves its key to a corrected one, which makes a thing of its own [T-09]', async () => {
    expect((await post(one.url, { wrong: true }, { key: 'k-corrected' })).status).toBe(400)
    expect((await post(one.url, { name: 'left', failures: 9 }, { key: 'k-corrected' })).status).toBe(502)
    const corrected = await post(one.url, { name: 'corrected' }, { key: 'k-corrected' })
    expect([corrected.status, replayed(corrected)]).toEqual([201, null])
    const [left] = await thingsOf('left')
    expect(await thingsOf('corrected')).toEqual([{ id: await idOf(corrected) }])
    expect(await thingsOf('corrected')).not.toEqual([left])
  })

  test('because the client left is done again [T-09]', async () => {
    const body = { name: 'leaves', wait: 'before' }
    const leaving = new AbortController()
    const gone = post(one.url, body, { key: 'k-leaves', signal: leaving.signal }).catch(() => 'gone')
    await until(async () => (await actsOf('leaves')) === 1)
    leaving.abort()
    expect(await gone).toBe('gone')
    await until(async () => {
      const rows = await database.query("SELECT lease_until FROM service_kit.idempotency_key WHERE key = 'k-leaves'")
      return rows[0]?.lease_until === null
    })
    await go('leaves')
    const answer = await post(two.url, body, { key: 'k-leaves' })
    expect([answer.status, replayed(answer)]).toEqual([201, null])
  })
})

describe('a process that', () => {
  test('is killed in the middle: after its lease another does the work again, with the same ids [T-10]', async () => {
    const { url, child } = await startProcess()
    const body = { name: 'killed', wait: 'after' }
    const lost = post(url, body, { key: 'k-killed' }).catch(() => 'lost')
    const [made] = await until(async () => {
      const rows = await thingsOf('killed')
      return rows.length > 0 && rows
    })
    child.kill('SIGKILL')
    expect(await lost).toBe('lost')
    await go('killed')
    const answer = await postUntilDone(one.url, body, { key: 'k-killed' })
    expect([answer.status, replayed(answer)]).toEqual([201, null])
    expect(await idOf(answer)).toBe(made?.id)
    expect(await thingsOf('killed')).toEqual([made])
    expect((await post(two.url, { name: 'another' }, { key: 'k-killed' })).status).toBe(422)
  })

  test('was stopped and taken over comes back to one thing and the other’s answer [T-10]', async () => {
    const { url, child } = await startProcess()
    const body = { name: 'stopped', wait: 'before' }
    const first = post(url, body, { key: 'k-stopped' })
    await until(async () => (await actsOf('stopped')) === 1)
    child.kill('SIGSTOP')
    const second = postUntilDone(one.url, body, { key: 'k-stopped' })
    await until(async () => (await actsOf('stopped')) === 2)
    await go('stopped')
    const answer = await second
    expect([answer.status, replayed(answer)]).toEqual([201, null])
    child.kill('SIGCONT')
    const late = await first
    expect([late.status, replayed(late)]).toEqual([201, 'true'])
    expect(await late.text()).toBe(await answer.text())
    expect(await thingsOf('stopped')).toHaveLength(1)
  })
})

test.each([
  ['256 characters', 'x'.repeat(256)],
  ['a space', 'two words'],
  ['nothing', ''],
  ['a letter outside ASCII', 'grün'],
])('a key of %s is refused, and nothing is done', async (_what, key) => {
  const { hostname, port } = new URL(one.url)
  const status = await new Promise((done, fail) => {
    const sent = request({ hostname, port, method: 'POST', path: '/things' }, (response) => {
      response.resume()
      done(response.statusCode)
    })
    sent.once('error', fail)
    sent.setHeader('x-name', 'ann').setHeader('idempotency-key', Buffer.from(key).toString('latin1'))
    sent.end('{"name":"bad key"}')
  })
  expect(status).toBe(400)
  expect(await actsOf('bad key')).toBe(0)
})

test('255 visible characters are a key; a request that stores nothing needs none and ignores it', async () => {
  expect((await post(one.url, { name: 'long' }, { key: '~'.repeat(255) })).status).toBe(201)
  const body = { name: 'unstored', store: false }
  const answers = [await post(one.url, body, { key: 'two words' }), await post(one.url, body, { key: 'two words' })]
  expect(answers.map((answer) => [answer.status, replayed(answer)])).toEqual([
    [201, null],
    [201, null],
  ])
})

test('without the database nothing is done, and that is said', async () => {
  const cut = await startThings({ ...options, databaseUrl: 'postgres://nobody:x@127.0.0.1:9/none' })
  try {
    const answer = await post(cut.url, { name: 'cut' }, { key: 'k-cut' })
    expect(answer.status).toBe(503)
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await actsOf('cut')).toBe(0)
  } finally {
    await cut.close()
  }
})

describe('a route that is idempotent', () => {
  const careless = route({
    operation: 'stream_ticks',
    method: 'post',
    path: '/ticks',
    summary: 'Ticks',
    auth: 'person',
    answers: { 200: streamOf('text/event-stream', 'ticks') },
    idempotent: true,
    handler: () => sse((async function* () {})()),
  })
  const appWith = (idempotency?: Idempotency) => () =>
    createHttpApp({
      service: 'ticks',
      version: '1',
      log: silentLogger,
      metrics: createMetrics('ticks'),
      authenticate: bearerAuth({ issuer: 'i', audience: [], jwksUrl: 'http://unused.test' }),
      routes: [careless],
      dependencies: [],
      bodyLimit: 1,
      ...(idempotency ? { idempotency } : {}),
    })

  test('and says that it streams does not start without replay, nor any without keys', () => {
    expect(appWith()).toThrow(/stream_ticks is idempotent, but the app was given no store of keys/)
    expect(appWith({ once: async () => undefined })).toThrow(/stream_ticks .* needs replay/)
  })

  test('and streams unannounced is a fault at its first keyed request', async () => {
    expect((await post(one.url, {}, { key: 'k-careless', path: '/careless' })).status).toBe(500)
  })

  test('documents the header', async () => {
    const document = (await (await fetch(`${one.url}/openapi.json`)).json()) as {
      paths: Record<string, { post: { parameters?: unknown[] } }>
    }
    expect(document.paths['/things']?.post.parameters).toEqual([
      expect.objectContaining({ name: 'Idempotency-Key', in: 'header', required: false }),
    ])
  })
})

test('old keys are forgotten, those under way and younger ones are not; a workspace’s all at once', async () => {
  await database.query('TRUNCATE service_kit.idempotency_key')
  const waiting = post(one.url, { name: 'waiting', wait: 'before' }, { key: 'k-waiting' })
  await until(async () => (await actsOf('waiting')) === 1)
  for (const key of ['k-old', 'k-young']) await post(one.url, { name: key }, { key })
  await post(one.url, { name: 'bob' }, { name: 'bob', key: 'k-bob' })
  await database.query(
    "UPDATE service_kit.idempotency_key SET created_at = created_at - interval '24 h' WHERE key IN ('k-old', 'k-waiting')",
  )
  expect(await one.idempotency.forgetOld()).toBe(1)
  await go('waiting')
  expect((await waiting).status).toBe(201)
  expect(await one.idempotency.forgetWorkspace('ann')).toBe(2)
  expect(await database.query('SELECT key FROM service_kit.idempotency_key')).toEqual([{ key: 'k-bob' }])
})
