import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'undici'
import { createRandom, type Random } from '../../chaos/harness/random.ts'
import { presentTable } from '../../measure/markdown.ts'
import { quantile } from '../../measure/quantile.ts'
import { guestToken } from '../harness/chat-contestants.ts'
import { postForText } from '../harness/exchange.ts'
import { startBenchPlatform } from '../harness/platform.ts'
import type { Bench, Survey } from '../harness/scenario.ts'

const PIECES = 100_000
const DOCUMENT_CHARS = 100_000
const QUESTIONS = 200
const AT_ONCE = 4
/** A text of a million words of English uses about as many. */
const WORDS = 40_000
const SMALL = 'the of and to in a is that for it was on with as by at be this from or which not are but an'.split(' ')

/** How common the words of a question are: in which places of the list of words, the most common first. */
const KINDS: { kind: string; words: number; from: number; to: number }[] = [
  { kind: 'two rare words', words: 2, from: 5_000, to: WORDS },
  { kind: 'four words of every kind', words: 4, from: 100, to: WORDS },
  { kind: 'three common words', words: 3, from: 30, to: 300 },
]

export const fileSearch: Survey = {
  name: 'file-search',
  title: 'Search among documents',
  about: `\`file_search_query\` over MCP, one question after the other, ${QUESTIONS} of each kind and each asked once, among ${PIECES.toLocaleString('en')} pieces of text of one workspace: words as often as they are in languages (Zipf), by text alone. 95 of 100 are to take at most 50 ms, the way there and back included.`,
  async survey(bench) {
    const { call, pieces } = await startFull(bench)
    const random = createRandom('questions')
    const rows: string[][] = []
    for (const { kind, words, from, to } of KINDS) {
      const times: number[] = []
      for (let count = 0; count < QUESTIONS; count += 1) {
        bench.signal.throwIfAborted()
        const query = Array.from({ length: words }, () => wordOf(random.between(from, to - 1))).join(' ')
        const began = performance.now()
        const { results } = await call<{ results: unknown[] }>('file_search_query', { query })
        times.push(performance.now() - began)
        if (results.length === 0) throw new Error(`nothing was found for ${query}`)
      }
      const sorted = Float64Array.from(times).sort()
      rows.push([kind, ...[0.5, 0.95, 0.99].map((part) => quantile(sorted, part)!.toFixed(1))])
    }
    return `${presentTable(['question', 'p50 ms', 'p95 ms', 'p99 ms'], rows)}\n\n${pieces.toLocaleString('en')} pieces`
  },
}

type Call = <T>(name: string, its: Record<string, unknown>) => Promise<T>

/** A workspace with so many pieces, and how to call its tools. */
async function startFull(bench: Bench): Promise<{ call: Call; pieces: number }> {
  const directory = await mkdtemp(join(tmpdir(), 'jan-bench-search-'))
  bench.cleanup.defer(() => rm(directory, { recursive: true, force: true }))
  const policyFile = join(directory, 'tool-policy.json')
  await writeFile(policyFile, JSON.stringify({ rules: [], otherwise: 'allow' }))
  const platform = await startBenchPlatform(bench, { MCP_TOOL_POLICY_FILE: policyFile })
  const connections = bench.cleanup.adopt(new Pool(platform.url('mcp-tools')), (pool) => pool.destroy())
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json',
    authorization: `Bearer ${await guestToken(platform.url('llm-api'))}`,
  }
  const call: Call = async (name, its) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: its } })
    const text = await postForText(connections, { path: '/v1/mcp', headers, body })
    const { result } = JSON.parse(text) as { result?: { isError?: boolean; structuredContent: unknown } }
    if (!result || result.isError) throw new Error(`${name} answered ${text.slice(0, 300)}`)
    return result.structuredContent as never
  }
  const random = createRandom('documents')
  let pieces = 0
  for (let document = 0; pieces < PIECES; ) {
    const batch = Array.from({ length: AT_ONCE }, () => {
      document += 1
      return call<{ chunk_count: number }>('file_search_index', {
        document_id: `document-${document}`,
        text: textOf(random.fork(document)),
      })
    })
    for (const { chunk_count } of await Promise.all(batch)) pieces += chunk_count
    bench.signal.throwIfAborted()
  }
  return { call, pieces }
}

function textOf(random: Random): string {
  let text = ''
  while (text.length < DOCUMENT_CHARS) {
    const sentence = Array.from({ length: random.between(6, 18) }, () => wordOf(zipf(random))).join(' ')
    text += `${sentence}.${random.next() < 0.1 ? '\n\n' : ' '}`
  }
  return text
}

/** The n-th word is as often as the first divided by n. */
const zipf = (random: Random) => Math.floor(WORDS ** random.next()) - 1

const SYLLABLES = ['ka', 'lo', 'mi', 'ren', 'tus', 'vo', 'dar', 'pel', 'quin', 'sab', 'tor', 'ul', 'wex', 'yam', 'zor']

/** The word at a place of the list of words. */
function wordOf(place: number): string {
  if (place < SMALL.length) return SMALL[place]!
  let word = ''
  for (let rest = place; rest > 0; rest = Math.floor(rest / SYLLABLES.length))
    word += SYLLABLES[rest % SYLLABLES.length]
  return word
}
