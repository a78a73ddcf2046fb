import { startProcess } from '../../measure/child-process.ts'
import { openConnections, post } from '../harness/exchange.ts'
import type { Contestant, Scenario } from '../harness/scenario.ts'
import { cpuPerUnit, MEMORY } from '../harness/table.ts'

type Target = { url: string; path: '/token' | '/tokens' | '/key' | '/keys' }

const CHECKS = 10_000
const PEOPLE = 1_000

export const callerCheck: Scenario<Target> = {
  name: 'caller-check',
  title: 'Who calls?',
  about:
    'CPU of one check of a Bearer token or an API key that was seen before, in a process of its own: of one person, and of 1,000 in turn.',
  concurrency: 1,
  warmUp: 50_000,
  columns: [
    { title: 'checks/s', of: ({ units, seconds }) => units / seconds, digits: 0 },
    { title: 'CPU µs per check', of: (sample) => cpuPerUnit(sample), digits: 2 },
    MEMORY,
  ],
  async setUp({ cleanup }) {
    const contestant = async (name: string, path: Target['path']): Promise<Contestant<Target>> => {
      const file = new URL('../harness/checker-process.ts', import.meta.url)
      const { pid, ready } = await startProcess<{ port: number }>(file, { checks: CHECKS, people: PEOPLE }, cleanup)
      return { name, target: { url: `http://127.0.0.1:${ready.port}`, path }, trees: { self: pid } }
    }
    return [
      await contestant('one token', '/token'),
      await contestant('1,000 tokens', '/tokens'),
      await contestant('one API key', '/key'),
      await contestant('1,000 API keys', '/keys'),
    ]
  },
  connect({ url, path }) {
    const connections = openConnections(url)
    return {
      visit: async (count) => {
        await post(connections, { path, headers: {}, body: '' }, () => {})
        count(CHECKS)
        return {}
      },
      close: () => connections.destroy(),
    }
  },
}
