import type { JSONRPCNotification, PerRequestHTTPServerTransport, RequestId } from '@modelcontextprotocol/server'

/** The calls of 2025-x clients that run in this process, so that another POST can cancel one. */
export type InFlightCalls = {
  /** Remembers a call until its transport closes. */
  add(nonce: string, id: RequestId, transport: PerRequestHTTPServerTransport): void
  /** Aborts the call that a `notifications/cancelled` of the same session names; does nothing when it is not here. */
  cancel(nonce: string, cancelled: JSONRPCNotification): Promise<void>
}

export function createInFlightCalls(): InFlightCalls {
  const running = new Map<string, PerRequestHTTPServerTransport>()
  return {
    add(nonce, id, transport) {
      const key = keyOf(nonce, id)
      running.set(key, transport)
      const { onclose } = transport
      transport.onclose = () => {
        // A client that uses an id twice at a time has replaced the entry.
        if (running.get(key) === transport) running.delete(key)
        onclose?.()
      }
    },
    async cancel(nonce, cancelled) {
      const transport = running.get(keyOf(nonce, cancelled.params?.requestId))
      if (!transport) return
      transport.onmessage?.(cancelled)
      // The protocol sends no answer for a cancelled request: without this the client's POST would stay open.
      await transport.close()
    },
  }
}

/** The ids 7 and "7" are two requests. */
const keyOf = (nonce: string, id: unknown) => `${nonce} ${typeof id} ${id}`
