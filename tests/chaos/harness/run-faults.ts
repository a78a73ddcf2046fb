import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from './client.ts'
import type { FaultKind } from './fault-kinds.ts'
import type { Fault } from './schedule.ts'

/** `recoveryMs`: from the moment the fault was taken back until every replica it hit had answered a new request well. */
export type Struck = { kind: string; recoveryMs: number | undefined; problem: string | undefined }

const LONGEST_RECOVERY_MS = 60_000

/** Strikes as planned, one fault after the other; each waits for the recovery from the one before. */
export async function runFaults(
  schedule: readonly Fault[],
  kinds: readonly FaultKind[],
  { client, signal }: { client: Client; signal: AbortSignal },
): Promise<Struck[]> {
  const struck: Struck[] = []
  for (const fault of schedule) {
    const kind = kinds.find(({ name }) => name === fault.kind)!
    await pause(fault.pauseMs, undefined, { signal })
    const takeBack = await kind.strike(fault)
    await pause(fault.lastsMs, undefined, { signal })
    const since = performance.now()
    await takeBack()
    const hit = kind.hits === 'all' ? client.endpoints : [client.endpoints[fault.replica]!]
    struck.push(
      await untilRecovered(
        fault,
        hit.map(({ name }) => name),
        since,
        { client, signal },
      ),
    )
  }
  return struck
}

async function untilRecovered(
  { kind, number }: Fault,
  hit: string[],
  since: number,
  { client, signal }: { client: Client; signal: AbortSignal },
): Promise<Struck> {
  for (;;) {
    const answered = hit.map((name) => client.firstGoodSince(name, since))
    const times = answered.filter((time) => time !== undefined)
    if (times.length === hit.length) return { kind, recoveryMs: Math.max(...times) - since, problem: undefined }
    if (performance.now() - since > LONGEST_RECOVERY_MS) {
      const silent = hit.filter((_name, index) => answered[index] === undefined).join(' and ')
      const problem = `${silent} answered nothing well for ${LONGEST_RECOVERY_MS / 1000} s after fault ${number} (${kind})`
      return { kind, recoveryMs: undefined, problem }
    }
    await pause(20, undefined, { signal })
  }
}
