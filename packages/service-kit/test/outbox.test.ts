import type { IncomingMessage } from 'node:http'
import { createTestDatabase, type TestDatabase } from '@jan/testkit/postgres'
import { type Served, serve } from '@jan/testkit/serve'
import { until } from '@jan/testkit/until'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import type { Caller, Person } from '../src/auth.ts'
import { connectPeer } from '../src/http-client.ts'
import { createInternalTokens } from '../src/internal-token.ts'
import { prepareJobs } from '../src/jobs.ts'
import { deliverMessage, type OutboxMessage, type Peers, sendMessage } from '../src/outbox.ts'
import { createJobWorker, type JobWorker, makeDue, storedJobs } from './job-worker.fixture.ts'

const KEYS = [{ kid: 'k', secret: Buffer.alloc(32, 7) }]
const ada: Person = { kind: 'user', subject: 'ada', workspaceId: 'ada', roles: ['user'], email: 'ada@example.org' }

type Call = { method?: string; url?: string; headers: IncomingMessage['headers']; body: string; caller: Caller }

let database: TestDatabase
const open: (() => Promise<void>)[] = []

beforeAll(async () => {
  database = await createTestDatabase()
  await prepareJobs(database.url)
})
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
  await database.query('TRUNCATE graphile_worker._private_jobs')
})
afterAll(() => database.drop())

/** A service that answers the given statuses in turn, the last of them for ever, and remembers what it was asked. */
async function receiver(statuses: number[], port = 0): Promise<Served & { calls: Call[] }> {
  const tokens = createInternalTokens('receiver-api', KEYS)
  const calls: Call[] = []
  const served = await serve(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const caller = await tokens.verify(request.headers.authorization!.slice('Bearer '.length))
    const { method, url, headers } = request
    calls.push({ method: method!, url: url!, headers, body, caller })
    response.writeHead(statuses[Math.min(calls.length, statuses.length) - 1]!).end('{"message":"as told"}')
  }, port)
  open.push(served.close)
  return { ...served, calls }
}

const message: OutboxMessage = {
  to: 'receiver-api',
  method: 'POST',
  path: '/v1/things?x=1',
  caller: ada,
  requestId: 'r-1',
}

/** A service that sends. */
function sender(receiverUrl: string): JobWorker<{ peers: Peers }> & { send: (more?: object) => Promise<string> } {
  const peer = connectPeer({
    service: 'receiver-api',
    baseUrl: receiverUrl,
    tokens: createInternalTokens('sender-api', KEYS),
    timeoutMs: 2000,
  })
  const peers = { 'receiver-api': peer }
  const worker = createJobWorker(database.url, { jobs: [deliverMessage] })
  worker.jobs.start({ peers })
  open.push(async () => {
    await worker.stop()
    await peer.close()
  })
  const send = (more: object = {}) =>
    sendMessage({ jobs: worker.jobs, peers }, { ...message, ...more }, { db: worker.pool })
  return { ...worker, send }
}

const isEmpty = async () => (await storedJobs(database)).length === 0

test('a message arrives in the name of its caller, with the request id and its own id [T-22 T-23]', async () => {
  const there = await receiver([204])
  const here = sender(there.url)
  const approved = { ...ada, via: 'edge', grant: { approvalId: 'a', callHash: 'h' } }
  const id = await here.send({ json: { n: [1, null] }, caller: approved })
  await until(() => there.calls.length === 1)
  await until(isEmpty)
  expect(there.calls[0]).toMatchObject({
    method: 'POST',
    url: '/v1/things?x=1',
    body: '{"n":[1,null]}',
    caller: { ...ada, via: 'sender-api' },
    headers: { 'idempotency-key': id, 'x-request-id': 'r-1', 'content-type': 'application/json' },
  })
  expect(there.calls[0]!.caller).not.toHaveProperty('grant')
})

test('a service sends in its own name, without a body', async () => {
  const there = await receiver([200])
  const here = sender(there.url)
  await here.send({ method: 'DELETE', caller: { kind: 'service', service: 'sender-api' } })
  await until(() => there.calls.length === 1)
  expect(there.calls[0]).toMatchObject({ body: '', caller: { kind: 'service', service: 'sender-api' } })
})

test('a message is committed with the change it tells of, or not at all [T-22]', async () => {
  const there = await receiver([200])
  const here = sender(there.url)
  const client = await here.pool.connect()
  await client.query('BEGIN')
  const deps = { jobs: here.jobs, peers: { 'receiver-api': {} as never } }
  await sendMessage(deps, message, { db: client })
  await client.query('ROLLBACK')
  client.release()
  await here.send({ path: '/committed' })
  await until(async () => there.calls.length > 0 && (await isEmpty()))
  expect(there.calls.map(({ url }) => url)).toEqual(['/committed'])
})

test('what is stored is identity, not what a caller came with [T-22]', async () => {
  const there = await receiver([500])
  const here = sender(there.url)
  await here.send({ caller: { ...ada, via: 'edge', token: 'eyJ' }, headers: { authorization: 'Bearer eyJ' } })
  const [row] = await database.query('SELECT payload FROM graphile_worker._private_jobs')
  expect(row!.payload).toMatchObject({ caller: ada })
  expect(JSON.stringify(row)).not.toMatch(/eyJ|edge/)
})

test('a message is repeated until the other service took it, with the same id [T-23]', async () => {
  const there = await receiver([500, 409, 302, 201])
  const here = sender(there.url)
  const id = await here.send()
  const warned = () => here.said('a job failed and will be tried again').length
  for (const attempt of [1, 2, 3]) {
    await until(() => warned() === attempt)
    await until(async () => (await storedJobs(database))[0]!.holder === null)
    await makeDue(database)
  }
  await until(isEmpty)
  expect(there.calls.map(({ headers }) => headers['idempotency-key'])).toEqual([id, id, id, id])
  expect(here.lines.filter(({ level }) => level === 40)).toMatchObject(
    [500, 409, 302].map((status) => ({ err: { message: `receiver-api answered ${status}: {"message":"as told"}` } })),
  )
  expect(await here.counted('deliver_message', 'done')).toBe(1)
})

test('a message survives its process and a service that is away [T-23]', async () => {
  const away = await receiver([200])
  await away.close()
  const before = sender(away.url)
  const id = await before.send()
  await until(() => before.said('a job failed and will be tried again').length === 1)
  await before.stop()
  expect(await storedJobs(database)).toMatchObject([{ error: 'receiver-api is not reachable right now', holder: null }])
  const back = await receiver([200], away.port)
  sender(back.url)
  await until(async () => (await makeDue(database)) && back.calls.length > 0)
  await until(isEmpty)
  expect(back.calls.map(({ headers }) => headers['idempotency-key'])).toEqual([id])
})

test('after the last attempt it stays, and is told [T-23]', async () => {
  const there = await receiver([403])
  const here = sender(there.url)
  await here.send()
  await until(() => here.said('a job failed and will be tried again').length === 1)
  await until(async () => (await storedJobs(database))[0]!.holder === null)
  await database.query('UPDATE graphile_worker._private_jobs SET attempts = max_attempts - 1')
  await makeDue(database)
  await until(() => here.said('a job was given up').length === 1)
  expect(await here.counted('deliver_message', 'given_up')).toBe(1)
  expect(await storedJobs(database)).toMatchObject([{ name: 'deliver_message', attempts: 25 }])
})

test('what is no message, or has no receiver, is refused when it is sent', async () => {
  const here = sender('http://127.0.0.1:1')
  await expect(here.send({ to: 'elsewhere' })).rejects.toThrow("There is no service 'elsewhere' to send to")
  await expect(here.send({ to: 'toString' })).rejects.toThrow(/no service/)
  await expect(here.send({ path: 'things' })).rejects.toThrow(/path/)
  await expect(here.send({ caller: { kind: 'nobody' } })).rejects.toThrow(/caller/)
  expect(await storedJobs(database)).toEqual([])
})
