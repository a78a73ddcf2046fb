import { isDeepStrictEqual } from 'node:util'
import type { Client, Endpoint } from '../harness/client.ts'
import { createDatabase } from '../harness/database.ts'
import { freeze, kill, postgresCrash } from '../harness/fault-kinds.ts'
import { type Judge, judgeEach } from '../harness/judge.ts'
import { jsonIn, type Operation, operationOf } from '../harness/operation.ts'
import { openReplicas, type Scenario } from '../harness/scenario.ts'
import { finalText, startToolModel, type Task, taskText } from '../harness/tool-model.ts'
import { plantDuplicateCall, recorded, startToolServer, type ToolServer } from '../harness/tool-server.ts'

/** Runs with tools that must not be called twice. */
export const scenario: Scenario = {
  name: 'tool-calls',
  about: 'POST /v1/responses, 2 to 5 tool calls in each run, to two replicas of response-api.',
  plants: ['duplicate-call'],
  open: async (stage) => {
    const { world, stack, plant } = stage
    const model = stack.use(await startToolModel())
    const tools = stack.use(await startToolServer())
    const door = plant === 'duplicate-call' ? stack.use(await plantDuplicateCall(tools.url)) : tools
    const database = await createDatabase(world.postgres, 'response-api', stage.runName)
    const replicas = await openReplicas(stage, 'response-api', {
      RESPONSE_DATABASE_URL: database.url,
      LLM_API_URL: model.url,
      MCP_TOOLS_URL: door.url,
    })
    const headers = await world.bearer('ann')
    return {
      replicas,
      endpoints: replicas,
      faults: [kill(replicas), freeze(replicas), postgresCrash(world.postgres)],
      load: { workers: 8, pauseMs: [0, 100] },
      operate: (client, number) => run(client, headers, number),
      judges: [executedOnce(tools), finished(tools), storedTheSame(replicas, headers)],
      notes: async () => {
        const sql = "SELECT count(*)::int AS left FROM response WHERE status = 'in_progress'"
        const [row] = await database.look<{ left: number }>(sql)
        return [`Runs that stay \`in_progress\` because their process was killed: ${row!.left}.`]
      },
    }
  },
}

const taskOf = (number: number): Task => ({ name: `run-${number}`, calls: 2 + (number % 4) })

async function run(client: Client, headers: Record<string, string>, number: number): Promise<Operation> {
  const task = taskOf(number)
  const tries = await client.send({
    method: 'POST',
    path: '/v1/responses',
    headers: { ...headers, 'idempotency-key': task.name },
    json: { model: 'caller', input: taskText(task) },
  })
  return operationOf(task.name, tries)
}

/** A response as far as it is judged. */
type Resource = {
  id: string
  status: string
  error: unknown
  output: { type: string; content?: { text?: string }[] }[]
  jan: { tool_executions: { output: string }[] }
}

const responsesTo = (operations: Operation[]) =>
  operations.flatMap(({ id, acknowledgements }) =>
    acknowledgements.map((answer) => ({ name: id, response: jsonIn(answer) as Resource })),
  )

const executedOnce = ({ ledger }: ToolServer): Judge => ({
  name: 'a tool call is executed at most once',
  judge: () =>
    judgeEach([...ledger], ([call, { run: name, times }]) =>
      times > 1 ? `${call}, a call of ${name}, was executed ${times} times` : undefined,
    ),
})

const finished = ({ ledger }: ToolServer): Judge => ({
  name: 'an answered run is completed, with the results of its own calls',
  judge: (operations) =>
    judgeEach(responsesTo(operations), ({ name, response }) => {
      const task = taskOf(Number(name.slice('run-'.length)))
      const { id, status, output, jan } = response
      if (status !== 'completed') return `${id}, the answer to ${name}, is ${status}: ${JSON.stringify(response.error)}`
      const text = output.at(-1)?.content?.[0]?.text
      if (text !== finalText(task)) return `${id}, the answer to ${name}, says "${text}"`
      const results = new Set(jan.tool_executions.map((execution) => execution.output))
      const own = [...ledger].filter(([call, entry]) => entry.run === name && results.has(recorded(call)))
      return own.length === task.calls && results.size === task.calls
        ? undefined
        : `${id}, the answer to ${name} with its ${task.calls} calls, holds ${[...results].join(', ')}`
    }),
})

const storedTheSame = (replicas: Endpoint[], headers: Record<string, string>): Judge => ({
  name: 'what was answered as completed is stored the same, at both replicas',
  judge: (operations) => {
    const completed = responsesTo(operations).filter(({ response }) => response.status === 'completed')
    const pairs = completed.flatMap((each) => replicas.map((replica) => ({ ...each, replica })))
    return judgeEach(pairs, async ({ name, response, replica }) => {
      const answer = await fetch(`${replica.url}/v1/responses/${response.id}`, { headers })
      const stored: unknown = await answer.json()
      return isDeepStrictEqual(stored, response)
        ? undefined
        : `${response.id}, the answer to ${name}, is read at ${replica.name} as ${answer.status} ${JSON.stringify(stored).slice(0, 300)}`
    })
  },
})
