import { startRedis } from '@jan/embedded/redis'
import { freePort } from '@jan/testkit/free-port'
import { startProcess } from '../../measure/child-process.ts'
import { openConnections, post } from '../harness/exchange.ts'
import type { Contestant, Scenario } from '../harness/scenario.ts'
import { cpuPerUnit, MEMORY } from '../harness/table.ts'

type Target = { url: string; path: '/hot' | '/spread'; takes: number }

export const rateLimiter: Scenario<Target> = {
  name: 'rate-limiter',
  title: 'The rate limiter',
  about:
    'CPU of one `take` in a process of its own, with Redis beside it: one principal as fast as it can be, and 1,000 principals each taking once every 100 ms, so that every one of them is settled with Redis in every interval.',
  concurrency: 1,
  warmUp: 50_000,
  columns: [
    { title: 'takes/s', of: ({ units, seconds }) => units / seconds, digits: 0 },
    { title: 'CPU µs per take', of: (sample) => cpuPerUnit(sample), digits: 2 },
    MEMORY,
  ],
  async setUp({ cleanup }) {
    const port = await freePort()
    cleanup.defer(await startRedis(port))
    const contestant = async (name: string, path: Target['path'], takes: number): Promise<Contestant<Target>> => {
      const file = new URL('../harness/taker-process.ts', import.meta.url)
      const input = { redisUrl: `redis://127.0.0.1:${port}`, takes }
      const { pid, ready } = await startProcess<{ port: number }>(file, input, cleanup)
      return { name, target: { url: `http://127.0.0.1:${ready.port}`, path, takes }, trees: { self: pid } }
    }
    return [await contestant('one principal', '/hot', 10_000), await contestant('1,000 principals', '/spread', 1_000)]
  },
  connect({ url, path, takes }) {
    const connections = openConnections(url)
    return {
      visit: async (count) => {
        await post(connections, { path, headers: {}, body: '' }, () => {})
        count(takes)
        return {}
      },
      close: () => connections.destroy(),
    }
  },
}
