import { setTimeout as pause } from 'node:timers/promises'
import { createSimulator } from '@jan/model-simulator/simulator'
import { Agent, request } from 'undici'
import type { Client } from '../harness/client.ts'
import { createDatabase, type Database } from '../harness/database.ts'
import { postgresCrash, redisCut, redisStall, restart } from '../harness/fault-kinds.ts'
import type { Judge } from '../harness/judge.ts'
import { type Operation, operationOf } from '../harness/operation.ts'
import type { Random } from '../harness/random.ts'
import { openReplicas, type Scenario } from '../harness/scenario.ts'
import { NOWHERE } from '../harness/world.ts'

const MODEL = 'jan-simulator'
const TEXT = 'The ledger knows each word of this, however early its reader has left. '.repeat(6)
/** Shorter than what the relay waits for the end of a stream that nobody reads any more. */
const CHUNK_MS = 12
/** How long a whole stream takes, about: readers leave in this time. */
const STREAM_MS = 1_500

/** What was used, by each side's own count. */
type Count = { prompt_tokens: number; completion_tokens: number }

export const scenario: Scenario = {
  name: 'ledger',
  about:
    'POST /v1/chat/completions to two replicas of llm-api, of which two in five readers leave in the middle, and the replicas are stopped and started in turn. What the simulator wrote is what the ledger says, to the token.',
  plants: [],
  open: async (stage) => {
    const { world, stack } = stage
    const simulator = await createSimulator({ script: [{ text: TEXT, chunk_delay_ms: CHUNK_MS }] }).listen(
      0,
      '127.0.0.1',
    )
    stack.defer(simulator.close)
    const database = await createDatabase(world.postgres, 'llm-api', stage.runName)
    const replicas = await openReplicas(stage, 'llm-api', {
      LLM_DATABASE_URL: database.url,
      JAN_MODEL_BASE_URL: `${simulator.url}/v1`,
      KEYCLOAK_BASE_URL: NOWHERE,
      BACKEND_CLIENT_SECRET: 'unused',
      MEDIA_API_URL: NOWHERE,
    })
    const headers = await world.bearer('ann')
    const agent = new Agent()
    stack.defer(() => agent.destroy())
    return {
      replicas,
      endpoints: replicas,
      faults: [restart(replicas), postgresCrash(world.postgres), redisStall(world.redis), redisCut(world.redis)],
      load: { workers: 64, pauseMs: [0, 100] },
      operate: (client, number, random) =>
        random.between(0, 4) < 2
          ? leaveEarly(agent, client, { number, random, headers })
          : stay(client, { number, random, headers }),
      judges: [sameCount(simulator.url, database)],
    }
  },
}

type Reader = { number: number; random: Random; headers: Record<string, string> }

const bodyOf = (number: number, stream: boolean) => ({
  model: MODEL,
  messages: [{ role: 'user', content: `question ${number}` }],
  stream,
})

/** Reads to the end, and asks again when that fails. */
async function stay(client: Client, { number, random, headers }: Reader): Promise<Operation> {
  const json = bodyOf(number, random.between(0, 1) === 1)
  const tries = await client.send({ method: 'POST', path: '/v1/chat/completions', headers, json })
  return operationOf(`chat-${number}`, tries)
}

/** Leaves in the middle of a stream. It acknowledges nothing, and is never sent again. */
async function leaveEarly(agent: Agent, client: Client, { number, random, headers }: Reader): Promise<Operation> {
  const { url } = client.endpoints[number % client.endpoints.length]!
  const leaving = new AbortController()
  const left = pause(random.between(50, STREAM_MS)).then(() => leaving.abort())
  await request(`${url}/v1/chat/completions`, {
    method: 'POST',
    dispatcher: agent,
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(bodyOf(number, true)),
    signal: leaving.signal,
  })
    .then(({ body }) => body.dump({ limit: Number.MAX_SAFE_INTEGER }))
    .catch(() => undefined)
  await left
  return operationOf(`chat-${number}`, [])
}

/** Rows come a moment after their calls. */
const LONGEST_WAIT_MS = 15_000

const sameCount = (simulatorUrl: string, database: Database): Judge => ({
  name: 'the ledger says what the simulator wrote, to the token',
  judge: async (operations) => {
    const wrote = (await (await fetch(`${simulatorUrl}/simulator/usage`)).json()) as Count
    const deadline = performance.now() + LONGEST_WAIT_MS
    let said = await countIn(database)
    while (!isSame(wrote, said) && performance.now() < deadline) {
      await pause(200)
      said = await countIn(database)
    }
    const problem = `the simulator wrote ${JSON.stringify(wrote)}, and the ledger says ${JSON.stringify(said)}`
    return { lookedAt: operations.length, violations: isSame(wrote, said) ? [] : [problem] }
  },
})

const isSame = (one: Count, other: Count) =>
  one.prompt_tokens === other.prompt_tokens && one.completion_tokens === other.completion_tokens

async function countIn(database: Database): Promise<Count> {
  const [row] = await database.look<Count>(
    'SELECT coalesce(sum(prompt_tokens), 0)::int AS prompt_tokens, coalesce(sum(completion_tokens), 0)::int AS completion_tokens FROM model_call',
  )
  return row!
}
