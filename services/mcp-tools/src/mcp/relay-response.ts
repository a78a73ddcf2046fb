import { type Answer, relay } from '@jan/service-kit/answer'
import { type RpcId, rpcFailure } from './json-rpc.ts'

export type RelayOptions = {
  /** Milliseconds of silence after which a stream is opened although there is no answer yet; absent when the client takes no stream. */
  openAfterMs?: number
  /** Whether a client that leaves ends the exchange. 2025-x says that a lost connection is no cancellation. */
  endWhenLeft: boolean
  /** Of the request, for an error that comes after the stream was opened. */
  id: RpcId
}

const EVENT_STREAM = 'text/event-stream'
/** Proxies and clients wait for a head; the head goes out with the first bytes. */
const OPENING = Buffer.from(': open\n\n')

/** A response of the MCP library as an answer of ours. */
export async function relayResponse(pending: Promise<Response>, options: RelayOptions): Promise<Answer<never>> {
  const response = await withinTime(pending, options.openAfterMs)
  if (!response) return relay(lateStream(pending, options), { status: 200, headers: { 'content-type': EVENT_STREAM } })
  const { status, body } = response
  const headers = Object.fromEntries(response.headers)
  if (!body) return relay(null, { status, headers })
  return relay(isStream(response) ? eventsOf(body, options) : body, { status, headers })
}

async function withinTime(pending: Promise<Response>, ms: number | undefined): Promise<Response | undefined> {
  if (ms === undefined) return pending
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms)
  })
  try {
    return await Promise.race([pending, silence])
  } finally {
    clearTimeout(timer)
  }
}

async function* lateStream(pending: Promise<Response>, options: RelayOptions): AsyncGenerator<Uint8Array> {
  yield OPENING
  try {
    const response = await pending
    if (response.body && isStream(response)) yield* eventsOf(response.body, options)
    else if (response.body) yield frame(await response.text())
  } catch (error) {
    yield frame(rpcFailure(error, options.id))
  }
}

async function* eventsOf(body: ReadableStream<Uint8Array>, { endWhenLeft }: RelayOptions): AsyncGenerator<Uint8Array> {
  yield OPENING
  yield* body.values({ preventCancel: !endWhenLeft })
}

const isStream = (response: Response) => response.headers.get('content-type')?.startsWith(EVENT_STREAM) ?? false
const frame = (data: string) => Buffer.from(`event: message\ndata: ${data}\n\n`)
