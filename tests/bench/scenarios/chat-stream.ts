import { type ChatTarget, chatPost, startChatContestants } from '../harness/chat-contestants.ts'
import { openConnections, post } from '../harness/exchange.ts'
import type { Scenario } from '../harness/scenario.ts'
import { createStreamChecker } from '../harness/stream-checker.ts'
import { cpuPerUnit, MEMORY, ratio } from '../harness/table.ts'

const CHUNKS = 100
const INTERVAL_MS = 5

export const chatStream: Scenario<ChatTarget> = {
  name: 'chat-stream',
  title: 'Chat, streamed',
  about: `32 streams at a time, each of ${CHUNKS} chunks, one every ${INTERVAL_MS} ms in a write of its own. Every stream must hold each chunk once, in order, and end in \`data: [DONE]\`, or the run is void. "First" is how much later than the upstream wrote it the first chunk arrived, the way there included.`,
  concurrency: 32,
  warmUp: 100_000,
  columns: [
    { title: 'chunks/s', of: ({ units, seconds }) => units / seconds, digits: 0 },
    { title: 'CPU µs per chunk', of: (sample) => cpuPerUnit(sample) },
    { title: '× floor', of: (sample, floor) => ratio(cpuPerUnit(sample), cpuPerUnit(floor)), digits: 2 },
    { title: 'first p50 ms', of: ({ firstMs }) => firstMs?.p50, digits: 2 },
    { title: 'first p99 ms', of: ({ firstMs }) => firstMs?.p99, digits: 2 },
    { title: 'whole streams', of: ({ visits }) => visits, digits: 0 },
    MEMORY,
  ],
  setUp: (bench) => startChatContestants(bench, { answerBytes: 1, chunks: CHUNKS, intervalMs: INTERVAL_MS }),
  connect(target) {
    const connections = openConnections(target.url)
    const request = chatPost(target, true)
    return {
      visit: async (count) => {
        const checker = createStreamChecker(CHUNKS)
        const began = performance.now()
        let firstAt = 0
        await post(connections, request, (bytes) => {
          const chunks = checker.push(bytes)
          if (chunks > 0) firstAt ||= performance.now()
          count(chunks)
        })
        checker.end()
        return { firstMs: firstAt - began - checker.upstreamMs! }
      },
      close: () => connections.destroy(),
    }
  },
}
