import type { Endpoint } from './client.ts'
import { startFront } from './front.ts'

/** Puts a door before each replica that loses the key of every request, as a gateway does that hands on only what it knows. */
export async function plantLostKey(endpoints: Endpoint[], stack: AsyncDisposableStack): Promise<void> {
  for (const endpoint of endpoints) {
    const front = await startFront(endpoint.url, ({ headers }, handOn) => {
      const { 'idempotency-key': _lost, ...others } = headers
      return handOn({ headers: others })
    })
    endpoint.url = stack.use(front).url
  }
}
