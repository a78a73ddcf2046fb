import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startProcess } from '../../measure/child-process.ts'
import { openConnections, postForText } from '../harness/exchange.ts'
import type { Contestant, Scenario } from '../harness/scenario.ts'

type Target = { url: string }
type Input = { language: 'python' | 'javascript'; cold: boolean }

export const sandbox: Scenario<Target> = {
  name: 'sandbox',
  title: 'A program in the sandbox',
  about:
    'From a program to what it printed: `6 * 7` in Python with a process that waits ready (warm), in Python and in JavaScript with one that must be started first (cold). Every program has a process of its own. Warm Python is to take at most 60 ms, cold Python 600 ms.',
  concurrency: 1,
  warmUp: 3,
  columns: [
    { title: 'p50 ms', of: ({ firstMs }) => firstMs!.p50 },
    { title: 'p99 ms', of: ({ firstMs }) => firstMs!.p99 },
    { title: 'programs', of: ({ units }) => units, digits: 0 },
  ],
  async setUp({ cleanup }) {
    const stateDir = await mkdtemp(join(tmpdir(), 'jan-bench-sandbox-'))
    cleanup.defer(() => rm(stateDir, { recursive: true, force: true }))
    const contestant = async (name: string, input: Input): Promise<Contestant<Target>> => {
      const file = new URL('../harness/sandbox-process.ts', import.meta.url)
      const { pid, ready } = await startProcess<{ port: number }>(file, { stateDir, ...input }, cleanup)
      return { name, target: { url: `http://127.0.0.1:${ready.port}` }, trees: { self: pid } }
    }
    return [
      await contestant('Python, warm', { language: 'python', cold: false }),
      await contestant('Python, cold', { language: 'python', cold: true }),
      await contestant('JavaScript, cold', { language: 'javascript', cold: true }),
    ]
  },
  connect({ url }) {
    const connections = openConnections(url)
    const say = (path: string) => postForText(connections, { path, headers: {}, body: '' })
    return {
      visit: async (count) => {
        await say('/ready')
        const began = performance.now()
        const printed = await say('/run')
        const firstMs = performance.now() - began
        if (printed !== '42\n') throw new Error(`the program printed ${printed}`)
        count(1)
        return { firstMs }
      },
      close: () => connections.destroy(),
    }
  },
}
