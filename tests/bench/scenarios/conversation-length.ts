import { Pool } from 'undici'
import { presentTable } from '../../measure/markdown.ts'
import { guestToken, startFloor } from '../harness/chat-contestants.ts'
import { postForText } from '../harness/exchange.ts'
import { MODEL } from '../harness/options.ts'
import { startBenchPlatform } from '../harness/platform.ts'
import { cpuOf } from '../harness/process-tree.ts'
import type { Survey } from '../harness/scenario.ts'
import { spreadOf } from '../harness/statistics.ts'

const LENGTHS = [0, 10, 100, 1_000]
const AT_ONCE = 20
const TURNS = 200

export const conversationLength: Survey = {
  name: 'conversation-length',
  title: 'Chat with a memory',
  about: `\`POST /v1/chat/completions\` with a conversation of so many items, each a sentence, one request after the other (${TURNS} of them, \`store: false\`): the history is read and given to the model, in its newest part as far as there is room.`,
  async survey(bench) {
    const { upstreamUrl } = await startFloor({ port: 0, answerBytes: 800, chunks: 1, intervalMs: 1 }, bench.cleanup)
    const platform = await startBenchPlatform(bench, { JAN_MODEL_BASE_URL: `${upstreamUrl}/v1` })
    const url = platform.url('llm-api')
    const connections = bench.cleanup.adopt(new Pool(url), (pool) => pool.destroy())
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${await guestToken(url)}` }
    const post = async (path: string, json: unknown) =>
      JSON.parse(await postForText(connections, { path, headers, body: JSON.stringify(json) })) as { id: string }
    const turn = (conversation: string | null) =>
      post('/v1/chat/completions', { model: MODEL, conversation, store: false, messages: [say('And now?')] })
    const rows: string[][] = []
    for (const length of [LENGTHS[1]!, ...LENGTHS]) {
      const conversation = length === 0 ? null : await fill(post, length)
      for (let count = 0; count < TURNS; count += 1) await turn(conversation)
      const before = cpuOf(platform.pid('llm-api'))
      const times: number[] = []
      for (let count = 0; count < TURNS; count += 1) {
        const began = performance.now()
        await turn(conversation)
        times.push(performance.now() - began)
      }
      bench.signal.throwIfAborted()
      const cpuMs = (cpuOf(platform.pid('llm-api')) - before) / TURNS / 1_000
      const { p50, p99 } = spreadOf(times)!
      rows.push([String(length), p50.toFixed(2), p99.toFixed(2), cpuMs.toFixed(2)])
    }
    // The first was to warm up.
    return presentTable(['items', 'p50 ms', 'p99 ms', 'CPU ms per request'], rows.slice(1))
  },
}

const say = (content: string) => ({ role: 'user', content })

async function fill(post: (path: string, json: unknown) => Promise<{ id: string }>, length: number): Promise<string> {
  const { id } = await post('/v1/conversations', {})
  for (let from = 0; from < length; from += AT_ONCE) {
    const items = Array.from({ length: Math.min(AT_ONCE, length - from) }, (_, index) => ({
      type: 'message',
      role: index % 2 === 0 ? 'user' : 'assistant',
      content: `This is what was said in place ${from + index} of a conversation that goes on.`,
    }))
    await post(`/v1/conversations/${id}/items`, { items })
  }
  return id
}
