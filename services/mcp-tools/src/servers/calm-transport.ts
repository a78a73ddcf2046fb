import { setTimeout as sleep } from 'node:timers/promises'
import type { FetchLike } from '@modelcontextprotocol/client'
import { isJSONRPCResponse, type JSONRPCMessage } from '@modelcontextprotocol/server'

/** Answers to what a server asks us that may be on their way; it need not take any. */
const MOST_REPLIES = 8
const STREAMS_AT_ONCE = 5
const PAUSE_MS = 1_000

type Sending = { send(message: JSONRPCMessage, ...more: never[]): Promise<void> }

/** What a server asks is answered as long as it takes the answers: what is beyond is dropped. */
export function boundReplies(transport: object): void {
  const sending = transport as Sending
  const send = sending.send.bind(transport)
  let replies = 0
  sending.send = async (message, ...more) => {
    if (!isJSONRPCResponse(message)) return send(message, ...more)
    if (replies >= MOST_REPLIES) return
    replies++
    try {
      await send(message, ...more)
    } finally {
      replies--
    }
  }
}

/** Streams are opened a few at once, then one in a second: a server says itself how soon it wants its own opened again. */
export function paceStreams(fetch: FetchLike): FetchLike {
  let free = 0
  return async (url, init) => {
    if ((init?.method ?? 'GET') === 'GET') {
      const at = performance.now()
      free = Math.max(free, at - STREAMS_AT_ONCE * PAUSE_MS) + PAUSE_MS
      if (free > at) await sleep(free - at, undefined, init?.signal ? { signal: init.signal } : {})
    }
    return fetch(url, init)
  }
}
