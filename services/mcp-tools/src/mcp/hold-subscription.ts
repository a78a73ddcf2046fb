import type { Caller } from '@jan/service-kit/auth'
import type { Who } from '@jan/service-kit/who'
import { isJSONRPCRequest } from '@modelcontextprotocol/server'
import type { Deps } from '../deps.ts'
import { RPC, rpcError } from './json-rpc.ts'

/** Of what one subscription names, in characters of JSON: it is kept for as long as the stream. */
const MOST_NAMED = 256 << 10
const MOST_RESOURCES = 1000

export const isSubscription = (message: unknown): message is { id: string | number; params?: unknown } =>
  isJSONRPCRequest(message) && message.method === 'subscriptions/listen'

/** Why a subscription is not even begun; undefined when it may be. */
export function refusalOf({ id, params }: { id: string | number; params?: unknown }): Response | undefined {
  const { resourceSubscriptions: named } =
    (params as { notifications?: { resourceSubscriptions?: unknown } } | undefined)?.notifications ?? {}
  const isMuch =
    JSON.stringify(params ?? {}).length > MOST_NAMED || (Array.isArray(named) && named.length > MOST_RESOURCES)
  return isMuch
    ? rpcError(400, RPC.invalidParams, `A subscription can name ${MOST_RESOURCES} resources at most`, id)
    : undefined
}

/**
 * A subscription's answer, held as one of the streams of its caller; a refusal as it is.
 * @throws AppError `rate_limited`, `unavailable` when it cannot be held
 */
export async function holdSubscription(
  { streams }: Pick<Deps, 'streams'>,
  who: Who<Caller>,
  response: Response,
): Promise<Response> {
  const { status, headers, body } = response
  if (!body || !headers.get('content-type')?.startsWith('text/event-stream')) return response
  const told = body.getReader()
  try {
    const stream = streams.open(who, ({ send, end }) => {
      const pass = async () => {
        for (let read = await told.read(); !read.done; read = await told.read()) send(read.value)
      }
      pass().then(end, end)
      return () => void told.cancel().catch(() => undefined)
    })
    return new Response(stream, { status, headers })
  } catch (error) {
    await told.cancel()
    throw error
  }
}
