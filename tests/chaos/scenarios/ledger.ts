import { setTimeout as pause } from 'node:timers/promises'
import type { SimulatorOptions } from '@jan/model-simulator/simulator'
import { Agent, request } from 'undici'
import { startProcess } from '../../measure/child-process.ts'
import type { Client } from '../harness/client.ts'
import { createDatabase, type Database } from '../harness/database.ts'
import { postgresCrash, redisCut, redisStall, restart } from '../harness/fault-kinds.ts'
import type { Judge } from '../harness/judge.ts'
import { type Operation, operationOf } from '../harness/operation.ts'
import type { Random } from '../harness/random.ts'
import { openReplicas, type Scenario } from '../harness/scenario.ts'
import { NOWHERE } from '../harness/world.ts'

const MODEL = 'jan-simulator'
const TEXT = 'The ledger knows each word of this, however early its reader has left. '.repeat(4)
/** Shorter than what the relay waits for the end of a stream that nobody reads any more. */
const CHUNK_MS = 25
const SIMULATOR: SimulatorOptions = { script: [{ text: TEXT, chunk_delay_ms: CHUNK_MS }], remembered: 1_000_000 }
/** How long a whole stream takes, about: readers leave in this time. */
const STREAM_MS = 1_500

export const scenario: Scenario = {
  name: 'ledger',
  about:
    'POST /v1/chat/completions to two replicas of llm-api, of which two in five readers leave in the middle, and the replicas are stopped and started in turn. What the simulator wrote is what the ledger says, to the token.',
  plants: [],
  open: async (stage) => {
    const { world, stack } = stage
    const file = new URL('../harness/simulator-process.ts', import.meta.url)
    const { ready: simulator } = await startProcess<{ url: string }>(file, SIMULATOR, stack)
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
      load: { workers: 24, pauseMs: [0, 50] },
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
const LONGEST_WAIT_MS = 10_000

/** Tokens by request, as one side counts them: of the prompt, and of the answer. */
type Counts = Map<string, string>

const sameCount = (simulatorUrl: string, database: Database): Judge => ({
  name: 'the ledger says what the simulator wrote, to the token',
  judge: async () => {
    const wrote = await countsOf(simulatorUrl)
    const deadline = performance.now() + LONGEST_WAIT_MS
    let said = await countsIn(database)
    while (differences(wrote, said).length > 0 && performance.now() < deadline) {
      await pause(200)
      said = await countsIn(database)
    }
    return { lookedAt: wrote.size, violations: differences(wrote, said) }
  },
})

function differences(wrote: Counts, said: Counts): string[] {
  const ids = [...new Set([...wrote.keys(), ...said.keys()])]
  return ids.flatMap((id) => {
    const [one, other] = [wrote.get(id) ?? NOTHING, said.get(id) ?? NOTHING]
    return one === other ? [] : [`${id}: the simulator wrote ${one} tokens, and the ledger says ${other}`]
  })
}

const NOTHING = '0 + 0'

async function countsOf(simulatorUrl: string): Promise<Counts> {
  type Entry = {
    headers: Record<string, string>
    usage: { prompt_tokens: number; completion_tokens: number }
  }
  const { requests } = (await (await fetch(`${simulatorUrl}/simulator/requests`)).json()) as { requests: Entry[] }
  const chats = requests.filter(({ usage }) => usage.prompt_tokens > 0)
  return summed(
    chats.map(({ headers, usage }) => [headers['x-request-id']!, usage.prompt_tokens, usage.completion_tokens]),
  )
}

async function countsIn(database: Database): Promise<Counts> {
  const rows = await database.look<{ id: string; prompt: number; completion: number }>(
    'SELECT request_id AS id, prompt_tokens::int AS prompt, completion_tokens::int AS completion FROM model_call',
  )
  return summed(rows.map(({ id, prompt, completion }) => [id, prompt, completion]))
}

function summed(calls: [id: string, prompt: number, completion: number][]): Counts {
  const sums = new Map<string, [number, number]>()
  for (const [id, prompt, completion] of calls) {
    const [before, after] = sums.get(id) ?? [0, 0]
    sums.set(id, [before + prompt, after + completion])
  }
  return new Map([...sums].map(([id, counts]) => [id, counts.join(' + ')]))
}
