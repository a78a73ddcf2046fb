import type { Answer, Client, Endpoint } from './client.ts'
import { createDatabase, type Database } from './database.ts'
import { freeze, kill, postgresCrash } from './fault-kinds.ts'
import { type Reply, startFront } from './front.ts'
import { type Judge, judgeEach } from './judge.ts'
import { jsonIn, type Operation, operationOf } from './operation.ts'
import type { Random } from './random.ts'
import type { Replica } from './replica.ts'
import { openReplicas, type Scenario, type Stage } from './scenario.ts'

/** A POST of a service that stores something, and how to find it again. A key names one thing, and fixes its content. */
export type StoredThing = {
  service: string
  environment(database: Database, stage: Stage): Record<string, string>
  create: { path: string; body(key: string): unknown }
  read: { path(id: string): string; isContent(key: string, body: Buffer): boolean }
  /** SQL for `id` and `owner` of all that is stored. */
  listSql: string
}

const OWNERS = ['ann', 'bob'] as const
const STRANGER = 'eve'

/** Things are stored at two replicas that are killed and frozen, on a database that crashes. */
export const storedThings = (thing: StoredThing): Scenario => ({
  name: `stored-things:${thing.service}`,
  about: `POST ${thing.create.path} with an Idempotency-Key, some sent again and some twice at once, to two replicas of ${thing.service}.`,
  plants: ['lost-ack'],
  open: async (stage) => {
    const { world, plant } = stage
    const database = await createDatabase(world.postgres, thing.service, stage.runName)
    const replicas = await openReplicas(stage, thing.service, thing.environment(database, stage))
    const endpoints = replicas.map(({ name, url }) => ({ name, url }))
    if (plant === 'lost-ack') endpoints[0]!.url = await plantLostAck(replicas[0]!, thing, stage)
    const names = [...OWNERS, STRANGER]
    const bearers = new Map(await Promise.all(names.map(async (name) => [name, await world.bearer(name)] as const)))
    const context: Context = { thing, database, endpoints, bearers }
    return {
      replicas,
      endpoints,
      faults: [kill(replicas), freeze(replicas), postgresCrash(world.postgres)],
      load: { workers: 4, pauseMs: [40, 120] },
      operate: (client, number, random) => create(context, client, number, random),
      judges: [oneIdEach, readable(context), noneTooMany(context), privateToOwners(context)],
    }
  },
})

type Context = {
  thing: StoredThing
  database: Database
  endpoints: Endpoint[]
  bearers: ReadonlyMap<string, { authorization: string }>
}

const keyOf = (number: number) => `thing-${number}`
const ownerOf = (key: string) => OWNERS[Number(key.slice('thing-'.length)) % OWNERS.length]!
const idIn = (answer: Answer) => String(jsonIn(answer)?.id)
const idsOf = ({ acknowledgements }: Operation) => [...new Set(acknowledgements.map(idIn))]

/** Mostly once; some are sent again after their answer, some twice at the same time. */
async function create({ thing, bearers }: Context, client: Client, number: number, random: Random): Promise<Operation> {
  const key = keyOf(number)
  const send = () =>
    client.send({
      method: 'POST',
      path: thing.create.path,
      headers: { ...bearers.get(ownerOf(key)), 'idempotency-key': key },
      json: thing.create.body(key),
    })
  const way = random.next()
  if (way < 0.1) return operationOf(key, ...(await Promise.all([send(), send()])))
  const first = await send()
  return way < 0.3 ? operationOf(key, first, await send()) : operationOf(key, first)
}

const read = ({ thing, bearers }: Context, endpoint: Endpoint, id: string, as: string) =>
  fetch(`${endpoint.url}${thing.read.path(id)}`, { headers: bearers.get(as)! })

const oneIdEach: Judge = {
  name: 'a key has one id',
  judge: (operations) =>
    judgeEach(operations, (operation) => {
      const ids = idsOf(operation)
      return ids.length > 1 ? `${operation.id} was acknowledged as ${ids.join(' and as ')}` : undefined
    }),
}

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
      return context.thing.read.isContent(key, body) ? undefined : `${id} at ${endpoint.name} is not what ${key} stored`
    })
  },
})

const noneTooMany = ({ thing, database }: Context): Judge => ({
  name: 'as many are stored as keys were acknowledged or left unanswered',
  judge: async (operations) => {
    const rows = await database.look<{ id: string; owner: string }>(thing.listSql)
    const stored = new Map(rows.map(({ id, owner }) => [id, owner]))
    const owners = new Map(operations.flatMap((operation) => idsOf(operation).map((id) => [id, ownerOf(operation.id)])))
    const unanswered = operations.filter(({ acknowledgements }) => acknowledgements.length === 0).length
    const unknown = rows.filter(({ id }) => !owners.has(id)).map(({ id }) => id)
    const tooMany = `${unknown.length} are stored that nobody was told of, for ${unanswered} unanswered keys: ${unknown.slice(0, 10).join(', ')}`
    return {
      lookedAt: rows.length,
      violations: [
        ...(unknown.length > unanswered ? [tooMany] : []),
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
      const answer = await read(context, context.endpoints[1]!, id, STRANGER)
      await answer.body?.cancel()
      return answer.status === 404 ? undefined : `${id} answers ${answer.status} to ${STRANGER}, who does not own it`
    }),
})

/** A door that now and then says "stored", with an id that nobody gave, and hands nothing on. @returns its URL */
async function plantLostAck(replica: Replica, { create }: StoredThing, { stack }: Stage): Promise<string> {
  let seen = 0
  let last: Reply | undefined
  const front = await startFront(replica.url, async ({ method, path }, handOn) => {
    if (method !== 'POST' || path !== create.path) return handOn()
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
