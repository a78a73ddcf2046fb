import { tryParseJson } from '@jan/service-kit/json-body'
import type { Client } from '../harness/client.ts'
import { createDatabase } from '../harness/database.ts'
import { type EchoUpstream, MODEL, piecesOf, startEchoUpstream } from '../harness/echo-upstream.ts'
import { freeze, kill, postgresCrash, redisCut, redisStall } from '../harness/fault-kinds.ts'
import { allSucceed, type Judge, judgeEach } from '../harness/judge.ts'
import { isGood, jsonIn, type Operation, operationOf } from '../harness/operation.ts'
import { openReplicas, type Scenario } from '../harness/scenario.ts'
import { NOWHERE } from '../harness/world.ts'

/** Chat completions, half of them streamed. */
export const scenario: Scenario = {
  name: 'chat-relay',
  about: 'POST /v1/chat/completions, every other one streamed, to two replicas of llm-api before one model provider.',
  plants: [],
  open: async (stage) => {
    const { world, stack } = stage
    const upstream = stack.use(await startEchoUpstream())
    const database = await createDatabase(world.postgres, 'llm-api', stage.runName)
    const replicas = await openReplicas(stage, 'llm-api', {
      LLM_DATABASE_URL: database.url,
      JAN_MODEL_BASE_URL: `${upstream.url}/v1`,
      KEYCLOAK_BASE_URL: NOWHERE,
      BACKEND_CLIENT_SECRET: 'unused',
      MEDIA_API_URL: NOWHERE,
    })
    const headers = await world.bearer('ann')
    return {
      replicas,
      endpoints: replicas,
      faults: [
        kill(replicas),
        freeze(replicas),
        upstream.resets,
        postgresCrash(world.postgres),
        redisStall(world.redis),
        redisCut(world.redis),
      ],
      load: { workers: 8, pauseMs: [0, 50] },
      operate: (client, number) => chat(client, headers, number),
      judges: [wholeAnswers, honestStreams, nobodyElses, allSucceed, inLedger(upstream)],
    }
  },
}

const isStreamed = ({ id }: Operation) => Number(id.slice('chat-'.length)) % 2 === 1
const textOf = ({ id }: Operation) => piecesOf(id).join('')
const goodAnswers = (operations: Operation[]) =>
  operations.flatMap((operation) => operation.acknowledgements.map((answer) => ({ operation, answer })))

async function chat(client: Client, headers: Record<string, string>, number: number): Promise<Operation> {
  const id = `chat-${number}`
  const stream = number % 2 === 1
  const tries = await client.send({
    method: 'POST',
    path: '/v1/chat/completions',
    headers,
    json: { model: MODEL, messages: [{ role: 'user', content: id }], ...(stream ? { stream } : {}) },
    ...(stream ? { brokenBecause: errorIn } : {}),
  })
  return operationOf(id, tries)
}

type Chunk = { error?: unknown; choices?: { delta?: { content?: string }; finish_reason?: string | null }[] }

const dataOf = (body: Buffer) => [...body.toString().matchAll(/^data: (.*)$/gm)].map(([, data]) => data!)
const chunksIn = (body: Buffer) => dataOf(body).map((data) => tryParseJson(data) as Chunk | undefined)

/** A stream that says itself that it failed. */
const errorIn = (body: Buffer) =>
  chunksIn(body).some((chunk) => chunk?.error !== undefined) ? 'an error event' : undefined

const wholeAnswers: Judge = {
  name: 'a JSON answer is whole and belongs to its request',
  judge: (operations) =>
    judgeEach(
      goodAnswers(operations).filter(({ operation }) => !isStreamed(operation)),
      ({ operation, answer }) => {
        type Completion = { choices?: { message?: { content?: string }; finish_reason?: string }[] }
        const [choice] = (jsonIn(answer) as Completion | undefined)?.choices ?? []
        const isWhole = choice?.message?.content === textOf(operation) && choice.finish_reason === 'stop'
        return isWhole ? undefined : `${operation.id} was answered 200 with ${quote(answer.body)}`
      },
    ),
}

const honestStreams: Judge = {
  name: 'a stream that looks finished is whole',
  judge: (operations) =>
    judgeEach(goodAnswers(operations.filter(isStreamed)), ({ operation, answer }) => {
      if (dataOf(answer.body).at(-1) !== '[DONE]')
        return `the stream of ${operation.id} ended well without [DONE]: ${quote(answer.body)}`
      const choices = chunksIn(answer.body).flatMap((chunk) => chunk?.choices ?? [])
      const text = choices.map(({ delta }) => delta?.content ?? '').join('')
      const isWhole = text === textOf(operation) && choices.some((choice) => choice.finish_reason === 'stop')
      return isWhole ? undefined : `the stream of ${operation.id} ended with [DONE] after "${text}"`
    }),
}

/** Also in what broke off. */
const nobodyElses: Judge = {
  name: 'no answer holds another request’s text',
  judge: (operations) =>
    judgeEach(
      operations.flatMap(({ id, tries }) => tries.map(({ outcome }) => ({ id, outcome }))),
      ({ id, outcome }) => {
        if (outcome.kind === 'unreachable') return undefined
        const others = [...outcome.body.toString().matchAll(/(chat-\d+)\//g)].filter(([, marker]) => marker !== id)
        return others.length > 0 ? `${id} was sent text of ${others[0]![1]}` : undefined
      },
    ),
}

const inLedger = (upstream: EchoUpstream): Judge => ({
  name: 'the provider’s ledger has a whole call for each success',
  judge: (operations) => {
    const served = new Set(upstream.ledger.filter(({ whole }) => whole).map(({ marker }) => marker))
    return judgeEach(
      operations.filter(({ tries }) => isGood(tries.at(-1)!.outcome)),
      ({ id }) => (served.has(id) ? undefined : `${id} succeeded, and the provider finished no call of it`),
    )
  },
})

const quote = (body: Buffer) => JSON.stringify(body.toString().slice(-300))
