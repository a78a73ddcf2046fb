import type { IncomingHttpHeaders } from 'node:http'
import { serve } from '@jan/testkit/serve'
import { sendJson } from './fake-provider.ts'

export type ListingProvider = {
  /** The base URL, ending in /v1. */
  url: string
  /** As OUTBOUND_ALLOW names it. */
  host: string
  /** What it lists. */
  entries: Record<string, unknown>[]
  /** Of its answers. */
  status: number
  /** Of every request that came. */
  asked: IncomingHttpHeaders[]
  close(): Promise<void>
}

/** A provider that lists what the test says, and tells what it was asked with. */
export async function startListingProvider(...ids: string[]): Promise<ListingProvider> {
  const provider = {
    entries: ids.map((id): Record<string, unknown> => ({ id })),
    status: 200,
    asked: [] as IncomingHttpHeaders[],
  }
  const served = await serve((request, response) => {
    provider.asked.push(request.headers)
    if (provider.status !== 200)
      return sendJson(response, provider.status, { error: { message: `secret of ${request.headers.host}` } })
    sendJson(response, 200, { object: 'list', data: provider.entries })
  })
  return Object.assign(provider, { url: `${served.url}/v1`, host: new URL(served.url).host, close: served.close })
}
