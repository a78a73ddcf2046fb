import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, LookupFunction } from 'node:net'

export type Site = { port: number; requests: IncomingMessage[]; close(): Promise<void> }

export async function startSite(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<Site> {
  const requests: IncomingMessage[] = []
  const server: Server = createServer((request, response) => {
    requests.push(request)
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A resolver with made-up names; each call takes the next answer of a name, the last one stays. */
export function fakeLookup(names: Record<string, string[][]>): LookupFunction {
  const asked: Record<string, number> = {}
  return (hostname, options, callback) => {
    const answers = names[hostname]
    if (!answers)
      return callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' }), [])
    const turn = asked[hostname] ?? 0
    asked[hostname] = turn + 1
    const addresses = answers[Math.min(turn, answers.length - 1)] ?? []
    const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
    if (options.all) return callback(null, found)
    callback(null, found[0]?.address ?? '', found[0]?.family ?? 4)
  }
}
