import { setTimeout as pause } from 'node:timers/promises'
import { type ChatTarget, chatPost, startChatContestants } from '../harness/chat-contestants.ts'
import { openConnections, postForText } from '../harness/exchange.ts'
import type { Sample, Scenario } from '../harness/scenario.ts'
import { cpuPerUnit, ratio } from '../harness/table.ts'

const WORKERS = 32
/** About half of what `chat-relay` shows as llm-api's most on two cores. */
const PER_SECOND = 2_000
const INTERVAL_MS = (1_000 * WORKERS) / PER_SECOND

const added = ({ firstMs }: Sample, floor: Sample, which: 'p50' | 'p99') => firstMs![which] - floor.firstMs![which]

export const chatHalfLoad: Scenario<ChatTarget> = {
  name: 'chat-half-load',
  title: 'Chat at half of what it can do',
  about: `The same request, ${PER_SECOND.toLocaleString('en')} a second, each worker sending at fixed times: what a client waits when nobody is in a hurry. "Added" is the difference to the floor at the same percentile.`,
  concurrency: WORKERS,
  warmUp: 20_000,
  columns: [
    { title: 'requests/s', of: ({ units, seconds }) => units / seconds, digits: 0 },
    { title: 'p50 ms', of: ({ firstMs }) => firstMs!.p50, digits: 2 },
    { title: 'added p50 ms', of: (sample, floor) => added(sample, floor, 'p50'), digits: 2 },
    { title: 'p99 ms', of: ({ firstMs }) => firstMs!.p99, digits: 2 },
    { title: 'added p99 ms', of: (sample, floor) => added(sample, floor, 'p99'), digits: 2 },
    { title: 'CPU µs per request', of: (sample) => cpuPerUnit(sample) },
    { title: '× floor', of: (sample, floor) => ratio(cpuPerUnit(sample), cpuPerUnit(floor)), digits: 2 },
  ],
  setUp: (bench) => startChatContestants(bench, { answerBytes: 800, chunks: 1, intervalMs: 1 }),
  connect(target) {
    const connections = openConnections(target.url)
    const request = chatPost(target, false)
    let slots = 0
    const began = performance.now()
    return {
      visit: async (count) => {
        slots += 1
        const dueAt = began + (slots * INTERVAL_MS) / WORKERS
        const early = dueAt - performance.now()
        if (early > 0) await pause(early)
        const sentAt = performance.now()
        await postForText(connections, request)
        count(1)
        return { firstMs: performance.now() - sentAt }
      },
      close: () => connections.destroy(),
    }
  },
}
