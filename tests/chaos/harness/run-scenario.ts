import { createClient } from './client.ts'
import type { Verdict } from './judge.ts'
import { runLoad } from './load.ts'
import { isRetried, type Operation } from './operation.ts'
import { createRandom } from './random.ts'
import { watchReadiness } from './readiness.ts'
import { type Replica, untilReady } from './replica.ts'
import { runFaults, type Struck } from './run-faults.ts'
import type { Opened, Plant, Scenario } from './scenario.ts'
import { drawSchedule } from './schedule.ts'
import type { World } from './world.ts'

export type RunOptions = {
  seed: number
  faults: number
  plant: Plant | undefined
  signal: AbortSignal
  /** Two unless said otherwise. */
  replicas?: number
}

export type Report = {
  scenario: Pick<Scenario, 'name' | 'about'>
  operations: number
  acknowledged: number
  /** Operations that needed more than one try. */
  retried: number
  struck: Struck[]
  verdicts: ({ name: string } & Verdict)[]
  notes: string[]
}

/** Puts a scenario under load and faults, then lets the judges look. Leaves nothing running. */
export async function runScenario(scenario: Scenario, world: World, options: RunOptions): Promise<Report> {
  await using stack = new AsyncDisposableStack()
  const { seed, plant, replicas = 2 } = options
  options.signal.throwIfAborted()
  const random = createRandom(`${seed}/${scenario.name}`)
  const broken = new AbortController()
  const signal = AbortSignal.any([options.signal, broken.signal])
  runs += 1
  const runName = `run_${runs}`
  const opened = await scenario.open({ world, runName, plant, replicas, stack, signal })
  const ready = stack.use(watchReadiness(opened))
  const client = stack.use(
    createClient(opened.endpoints, {
      isReady: ready.isReady,
      random: random.fork('pauses'),
      signal,
    }),
  )
  const schedule = drawSchedule(random.fork('faults'), opened.faults, {
    count: options.faults,
    replicas,
  })
  const striking = runFaults(schedule, opened.faults, { client, signal })
  const loading = runLoad(opened, client, random.fork('load'), striking)
  // Whichever fails first ends the other too, so that nothing goes on in a world that is being taken down.
  const [struck, operations] = await Promise.all([striking, loading]).catch(async (error: unknown) => {
    broken.abort(error)
    await Promise.allSettled([striking, loading])
    throw error
  })
  await untilReady(opened.replicas, signal)
  return {
    scenario,
    operations: operations.length,
    acknowledged: operations.filter(({ acknowledgements }) => acknowledgements.length > 0).length,
    retried: operations.filter(isRetried).length,
    struck,
    verdicts: [...(await judgeAll(opened, operations)), judgeRecovery(struck), judgeReplicas(opened.replicas)],
    notes: (await opened.notes?.(operations)) ?? [],
  }
}

let runs = 0

async function judgeAll({ judges }: Opened, operations: Operation[]): Promise<Report['verdicts']> {
  const verdicts: Report['verdicts'] = []
  for (const { name, judge } of judges) verdicts.push({ name, ...(await judge(operations)) })
  return verdicts
}

const judgeRecovery = (struck: Struck[]) => ({
  name: 'every fault is recovered from',
  lookedAt: struck.length,
  violations: struck.flatMap(({ problem }) => problem ?? []),
})

const judgeReplicas = (replicas: Replica[]) => ({
  name: 'no replica ends by itself',
  lookedAt: replicas.length,
  violations: replicas.flatMap(({ ownEnds }) => ownEnds),
})
