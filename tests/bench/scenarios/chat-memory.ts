import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { presentTable } from '../../measure/markdown.ts'
import { guestToken } from '../harness/chat-contestants.ts'
import { startBenchPlatform } from '../harness/platform.ts'
import { memoryOf } from '../harness/process-tree.ts'
import type { Bench, Survey } from '../harness/scenario.ts'

const REQUESTS = 50_000
const STEPS = 5
const WORKERS = 32
/** One in so many leaves in the middle of a stream, one in so many reads one to the end. */
const LEAVES = 20
const STREAMS = 5
const IDLE_STREAMS = 1_000
/** Long enough for the garbage of a step to be gone. */
const REST_MS = 3_000

export const chatMemory: Survey = {
  name: 'chat-memory',
  title: 'Memory under chat',
  about: `Memory of llm-api's process (PSS) while it answers ${REQUESTS.toLocaleString('en')} chat requests, ${WORKERS} at a time; one in ${STREAMS} is a stream, and one in ${LEAVES} a stream whose reader leaves after the first chunk. Then ${IDLE_STREAMS.toLocaleString('en')} streams that have begun and say nothing more.`,
  async survey(bench) {
    const target = await startTarget(bench)
    await send(target, REQUESTS / STEPS)
    const first = await rested(target)
    const rows = [[`after ${thousands(REQUESTS / STEPS)} to warm up`, mb(first), '–']]
    for (let step = 1; step <= STEPS; step += 1) {
      await send(target, REQUESTS / STEPS)
      bench.signal.throwIfAborted()
      const now = await rested(target)
      rows.push([
        `after ${thousands((step * REQUESTS) / STEPS)} more`,
        mb(now),
        `${((100 * now) / first - 100).toFixed(1)} %`,
      ])
    }
    const before = await rested(target)
    const leave = await idle(target, IDLE_STREAMS)
    const perStream = ((await rested(target)) - before) / IDLE_STREAMS / 1_000
    leave()
    return [presentTable(['', 'memory MB', 'change'], rows), `An idle stream costs ${perStream.toFixed(1)} KB.`].join(
      '\n\n',
    )
  },
}

const thousands = (count: number) => count.toLocaleString('en')
const mb = (bytes: number) => (bytes / 1e6).toFixed(0)

type Target = { url: string; headers: Record<string, string>; pid: number; agent: Agent }

async function startTarget(bench: Bench): Promise<Target> {
  const upstream = await startUpstream(bench.cleanup)
  const platform = await startBenchPlatform(bench, { JAN_MODEL_BASE_URL: `${upstream}/v1` })
  const url = platform.url('llm-api')
  const agent = new Agent()
  bench.cleanup.defer(() => agent.destroy())
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${await guestToken(url)}` }
  return { url, headers, pid: platform.pid('llm-api'), agent }
}

const MODEL = 'bench-model'

const ask = ({ url, headers, agent }: Target, kind: Kind, signal?: AbortSignal) =>
  request(`${url}/v1/chat/completions`, {
    method: 'POST',
    dispatcher: agent,
    headers,
    ...(signal ? { signal } : {}),
    body: JSON.stringify({
      model: MODEL,
      user: kind,
      stream: kind !== 'plain',
      messages: [{ role: 'user', content: 'hi' }],
    }),
  })

async function send(target: Target, count: number): Promise<void> {
  let left = count
  const work = async () => {
    while (left > 0) {
      left -= 1
      if (left % LEAVES === 0) await leaveEarly(target)
      else await (await ask(target, left % STREAMS === 0 ? 'stream' : 'plain')).body.dump({ limit: 1e9 })
    }
  }
  await Promise.all(Array.from({ length: WORKERS }, work))
}

async function leaveEarly(target: Target): Promise<void> {
  const leaving = new AbortController()
  const { body } = await ask(target, 'hang', leaving.signal)
  body.once('data', () => leaving.abort())
  await new Promise((done) => body.once('error', done).once('close', done))
}

/** @returns ends them */
async function idle(target: Target, count: number): Promise<() => void> {
  const leaving = new AbortController()
  for (let opened = 0; opened < count; opened += 1) {
    const { body } = await ask(target, 'hang', leaving.signal)
    body.on('error', () => undefined).resume()
  }
  return () => leaving.abort()
}

async function rested({ pid }: Target): Promise<number> {
  await pause(REST_MS)
  return memoryOf(pid)!
}

type Kind = 'plain' | 'stream' | 'hang'

/** A model provider in this process, that does as `user` says. */
async function startUpstream(cleanup: AsyncDisposableStack): Promise<string> {
  const server = createServer(async (incoming, response) => {
    if (incoming.method === 'GET') return send200(response, { object: 'list', data: [{ id: MODEL, object: 'model' }] })
    const { user } = (await json(incoming)) as { user: Kind }
    if (user === 'plain')
      return send200(response, {
        id: 'x',
        choices: [{ index: 0, message: { role: 'assistant', content: 'x'.repeat(800) } }],
        usage: USAGE,
      })
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(chunk('x', null))
    if (user === 'stream') response.end(`${chunk('', 'stop')}data: [DONE]\n\n`)
  })
  server.keepAliveTimeout = 60_000
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  cleanup.defer(async () => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const USAGE = { prompt_tokens: 1, completion_tokens: 200, total_tokens: 201 }

const chunk = (content: string, finish_reason: string | null) =>
  `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content }, finish_reason }] })}\n\n`

const send200 = (response: ServerResponse, value: unknown) =>
  void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
