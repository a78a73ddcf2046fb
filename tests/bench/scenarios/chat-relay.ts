import { type ChatTarget, chatPost, startChatContestants } from '../harness/chat-contestants.ts'
import { openConnections, postForText } from '../harness/exchange.ts'
import type { Scenario } from '../harness/scenario.ts'
import { cpuPerUnit, MEMORY, ratio } from '../harness/table.ts'

const ANSWER_BYTES = 800

export const chatRelay: Scenario<ChatTarget> = {
  name: 'chat-relay',
  title: 'Chat, not streamed',
  about:
    '`POST /v1/chat/completions` with an answer of 1 KB, 32 requests at a time. llm-api verifies the token, holds the caller to a limit, checks the request, counts and logs; the floor does nothing of that.',
  concurrency: 32,
  warmUp: 60_000,
  columns: [
    { title: 'requests/s', of: ({ units, seconds }) => units / seconds, digits: 0 },
    { title: 'CPU µs per request', of: (sample) => cpuPerUnit(sample) },
    { title: '× floor', of: (sample, floor) => ratio(cpuPerUnit(sample), cpuPerUnit(floor)), digits: 2 },
    { title: 'p50 ms', of: ({ ms }) => ms.p50, digits: 2 },
    { title: 'p99 ms', of: ({ ms }) => ms.p99, digits: 2 },
    MEMORY,
  ],
  setUp: (bench) => startChatContestants(bench, { answerBytes: ANSWER_BYTES, chunks: 1, intervalMs: 1 }),
  connect(target) {
    const connections = openConnections(target.url)
    const request = chatPost(target, false)
    return {
      visit: async (count) => {
        requireWhole(await postForText(connections, request))
        count(1)
        return {}
      },
      close: () => connections.destroy(),
    }
  },
}

type Completion = { choices?: { message?: { content?: string } }[] }

function requireWhole(text: string): void {
  const length = (JSON.parse(text) as Completion).choices?.[0]?.message?.content?.length
  if (length !== ANSWER_BYTES) throw new Error(`an answer of ${ANSWER_BYTES} letters came with ${length ?? 'none'}`)
}
