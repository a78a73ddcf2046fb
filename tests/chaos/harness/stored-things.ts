import type { Client, Endpoint } from './client.ts'
import { createDatabase, type Database } from './database.ts'
import { freeze, kill, longFreeze, postgresCrash } from './fault-kinds.ts'
import { type Reply, startFront } from './front.ts'
import { allSucceed, type Judge, judgeEach, oneIdEach } from './judge.ts'
import { plantLostKey } from './lost-key.ts'
import { idsOf, jsonIn, type Operation, operationOf } from './operation.ts'
import type { Random } from './random.ts'
import type { Replica } from './replica.ts'
import { openReplicas, type Scenario, type Stage } from './scenario.ts'
import type { Length } from './schedule.ts'
import { sendOnceOrTwice } from './send-again.ts'

/** A POST of a service that stores something, and how to find it again. A key names one thing. */
export type StoredThing = {
  /** Of the scenario, where a service has several. */
  name?: string
  about?: string
  /** How many are under way at once, and the pause after each; few and often, unless told otherwise. */
  load?: { workers: number; pauseMs: Length }
  service: string
  /** Where it is created; it is read below that, by its id. */
  path: string
  /** Starts what the service needs besides its database. */
  open(database: Database, stage: Stage): Promise<OpenedThing> | OpenedThing
  /** Whether this may be what was stored for a key. */
  isContent(key: string, body: Buffer): boolean
  /** SQL for `id` and `owner` of all that is stored. */
  listSql: string
}

type OpenedThing = {
  environment: Record<string, string>
  /** JSON, or bytes of another type. */
  bodyOf(key: string): unknown | { bytes: Buffer; type: string }
}

const OWNERS = ['ann', 'bob'] as const
const STRANGER = 'eve'

/** Things are stored at two replicas that are killed and frozen, on a database that crashes. */
export const storedThings = (thing: StoredThing): Scenario => ({
  name: thing.name ?? `stored-things:${thing.service}`,
  about:
    thing.about ??
    `POST ${thing.path} with an Idempotency-Key, some sent again and some twice at once, to two replicas of ${thing.service}.`,
  plants: ['lost-ack', 'lost-key'],
  open: async (stage) => {
    const { world, stack, plant } = stage
    const database = await createDatabase(world.postgres, thing.service, stage.runName)
    const { environment, bodyOf } = await thing.open(database, stage)
    const replicas = await openReplicas(stage, thing.service, environment)
    const endpoints = replicas.map(({ name, url }) => ({ name, url }))
    if (plant === 'lost-ack') endpoints[0]!.url = await plantLostAck(replicas[0]!, thing, stage)
    if (plant === 'lost-key') await plantLostKey(endpoints, stack)
    const names = [...OWNERS, STRANGER]
    const bearers = new Map(await Promise.all(names.map(async (name) => [name, await world.bearer(name)] as const)))
    const context: Context = { thing, bodyOf, database, endpoints, bearers }
    return {
      replicas,
      endpoints,
      faults: [kill(replicas), freeze(replicas), longFreeze(replicas), postgresCrash(world.postgres)],
      load: thing.load ?? { workers: 4, pauseMs: [40, 120] },
      operate: (client, number, random) => create(context, client, number, random),
      judges: [allSucceed, oneIdEach, readable(context), noneElse(context), privateToOwners(context)],
    }
  },
})

type Context = Pick<OpenedThing, 'bodyOf'> & {
  thing: StoredThing
  database: Database
  endpoints: Endpoint[]
  bearers: ReadonlyMap<string, { authorization: string }>
}

const keyOf = (number: number) => `thing-${number}`
const ownerOf = (key: string) => OWNERS[Number(key.slice('thing-'.length)) % OWNERS.length]!

async function create(
  { thing, bodyOf, bearers }: Context,
  client: Client,
  number: number,
  random: Random,
): Promise<Operation> {
  const key = keyOf(number)
  const headers = { ...bearers.get(ownerOf(key)), 'idempotency-key': key }
  const body = bodyOf(key)
  const request = isBytes(body)
    ? ({
        method: 'POST',
        path: thing.path,
        headers: { ...headers, 'content-type': body.type },
        bytes: body.bytes,
      } as const)
    : ({ method: 'POST', path: thing.path, headers, json: body } as const)
  return operationOf(key, ...(await sendOnceOrTwice(client, request, random)))
}

const isBytes = (body: unknown): body is { bytes: Buffer; type: string } =>
  typeof body === 'object' && body !== null && 'bytes' in body

const read = ({ thing, bearers }: Context, endpoint: Endpoint, id: string, as: string) =>
  fetch(`${endpoint.url}${thing.path}/${id}`, { headers: bearers.get(as)! })

const readable = (context: Context): Judge => ({
  name: 'what was acknowledged is readable at both replicas, with its content',
  judge: (operations) => {
    const pairs = operations.flatMap((operation) =>
      idsOf(operation).flatMap((id) => context.endpoints.map((endpoint) => ({ key: operation.id, id, endpoint }))),
    )
    return judgeEach(pairs, async ({ key, id, endpoint }) => {
      const answer = await read(context, endpoint, id, ownerOf(key))
      const body = Buffer.from(await answer.arrayBuffer())
      if (answer.status !== 200)
        return `${key} was acknowledged as ${id}, and ${endpoint.name} answers ${answer.status} when it is read`
      return context.thing.isContent(key, body) ? undefined : `${id} at ${endpoint.name} is not what ${key} stored`
    })
  },
})

const noneElse = ({ thing, database }: Context): Judge => ({
  name: 'what is stored is what was acknowledged, no more and no less',
  judge: async (operations) => {
    const rows = await database.look<{ id: string; owner: string }>(thing.listSql)
    const stored = new Map(rows.map(({ id, owner }) => [id, owner]))
    const owners = new Map(operations.flatMap((operation) => idsOf(operation).map((id) => [id, ownerOf(operation.id)])))
    return {
      lookedAt: rows.length,
      violations: [
        ...rows.filter(({ id }) => !owners.has(id)).map(({ id, owner }) => `${id} of ${owner} was told to nobody`),
        ...[...owners]
          .filter(([id, owner]) => stored.get(id) !== owner)
          .map(([id, owner]) => `${id} was acknowledged to ${owner}; its row is ${stored.get(id) ?? 'not there'}`),
      ],
    }
  },
})

const privateToOwners = (context: Context): Judge => ({
  name: 'nothing is readable by another owner',
  judge: (operations) =>
    judgeEach(operations.flatMap(idsOf), async (id) => {
      const answer = await read(context, context.endpoints.at(-1)!, id, STRANGER)
      await answer.body?.cancel()
      return answer.status === 404 ? undefined : `${id} answers ${answer.status} to ${STRANGER}, who does not own it`
    }),
})

/** A door that now and then says "stored", with an id that nobody gave, and hands nothing on. @returns its URL */
async function plantLostAck(replica: Replica, { path: created }: StoredThing, { stack }: Stage): Promise<string> {
  let seen = 0
  let last: Reply | undefined
  const front = await startFront(replica.url, async ({ method, path }, handOn) => {
    if (method !== 'POST' || path !== created) return handOn()
    seen += 1
    if (seen % 5 === 0 && last) return withOtherId(last, seen)
    const reply = await handOn()
    if (reply.status < 300) last = reply
    return reply
  })
  return stack.use(front).url
}

function withOtherId(reply: Reply, number: number): Reply {
  const answer = jsonIn(reply) ?? {}
  const id = `${String(answer.id).slice(0, -4)}${String(number).padStart(4, '0')}`
  return { ...reply, body: Buffer.from(JSON.stringify({ ...answer, id })) }
}
