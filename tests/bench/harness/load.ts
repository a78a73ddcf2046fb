import { nextMessage, startProcess } from '../../measure/child-process.ts'
import type { Order, Outcome, Stretch } from './load-process.ts'
import type { Bench, Contestant, Sample } from './scenario.ts'

export type Load = (contestant: Contestant<unknown>, stretch: Stretch) => Promise<Sample>

/** A process that loads one contestant at a time. It stays, so that its own code is warm for everybody alike. */
export async function startLoad(
  scenario: string,
  { cleanup, signal }: Pick<Bench, 'cleanup' | 'signal'>,
): Promise<Load> {
  const { child } = await startProcess(new URL('./load-process.ts', import.meta.url), { scenario }, cleanup)
  signal.addEventListener('abort', () => child.kill('SIGKILL'))
  return async (contestant, stretch) => {
    const outcome = nextMessage<Outcome>(child)
    child.send({ contestant, stretch } satisfies Order)
    const answer = await outcome
    if ('failure' in answer) throw new Error(`${scenario}, ${contestant.name}: ${answer.failure}`)
    return answer.sample
  }
}
