import { startProcess } from '../../measure/child-process.ts'
import { openConnections, postForText } from './exchange.ts'
import { MODEL } from './options.ts'
import { startBenchPlatform } from './platform.ts'
import type { Bench, Contestant } from './scenario.ts'

/** `answerBytes`: length of the text of an answer that is not streamed. */
export type UpstreamInput = { port: number; answerBytes: number; chunks: number; intervalMs: number }

/** Where a request goes: a base URL ending in `/v1`. */
export type ChatTarget = { url: string; headers: Record<string, string>; model: string }

/** The floor, the platform's llm-api and the peer, if there is one, all before the same upstream. */
export async function startChatContestants(
  bench: Bench,
  answers: Omit<UpstreamInput, 'port'>,
): Promise<Contestant<ChatTarget>[]> {
  const { peer, upstreamPort } = bench.options
  const { upstreamUrl, floor } = await startFloor({ port: upstreamPort, ...answers }, bench.cleanup)
  const platform = await startBenchPlatform(bench, { JAN_MODEL_BASE_URL: `${upstreamUrl}/v1` })
  const llmApi = platform.url('llm-api')
  return [
    floor,
    contestant('llm-api', `${llmApi}/v1`, await guestToken(llmApi), platform.pid('llm-api')),
    ...(peer ? [contestant(peer.name, peer.url.href, peer.key, peer.pid, peer.model)] : []),
  ]
}

/** An upstream, and the bare proxy before it. */
export async function startFloor(
  input: UpstreamInput,
  cleanup: AsyncDisposableStack,
): Promise<{ upstreamUrl: string; floor: Contestant<ChatTarget> }> {
  const start = (name: string, its: unknown) =>
    startProcess<{ port: number }>(new URL(`./${name}-process.ts`, import.meta.url), its, cleanup)
  const upstream = await start('upstream', input)
  const upstreamUrl = `http://127.0.0.1:${upstream.ready.port}`
  const floor = await start('floor', { upstream: upstreamUrl })
  return { upstreamUrl, floor: contestant('floor', `http://127.0.0.1:${floor.ready.port}/v1`, undefined, floor.pid) }
}

function contestant(
  name: string,
  url: string,
  token: string | undefined,
  pid: number | undefined,
  model = MODEL,
): Contestant<ChatTarget> {
  const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) }
  return { name, target: { url, headers, model }, trees: pid ? { self: pid } : {} }
}

/** A token that the identity provider has signed, so that llm-api has something to verify. */
export async function guestToken(llmApi: string): Promise<string> {
  const connections = openConnections(llmApi)
  const text = await postForText(connections, { path: '/auth/guest-login', headers: {}, body: '' })
  await connections.close()
  return (JSON.parse(text) as { access_token: string }).access_token
}

/** One chat request as it stands on the wire. */
export const chatPost = ({ url, headers, model }: ChatTarget, stream: boolean) => ({
  path: `${new URL(url).pathname}/chat/completions`,
  headers,
  body: JSON.stringify({ model, stream, messages: [{ role: 'user', content: 'Say something of a fixed length.' }] }),
})
