import { text } from 'node:stream/consumers'
import { type Served, serve } from '@jan/testkit/serve'

export type Passing = { method: string; path: string; headers: Record<string, string>; body: string }
export type Reply = { status: number; headers: Record<string, string>; body: Buffer }

/** Stands before a part and may do something else than hand on: a place for planted bugs. `handOn` asks the part itself. */
export const startFront = (
  target: string,
  answer: (passing: Passing, handOn: (changed?: Partial<Passing>) => Promise<Reply>) => Promise<Reply>,
): Promise<Served> =>
  serve(async (request, response) => {
    const { 'content-length': _length, connection: _connection, host: _host, ...headers } = request.headers
    const passing = {
      method: request.method!,
      path: request.url!,
      headers: headers as Record<string, string>,
      body: await text(request),
    }
    try {
      const reply = await answer(passing, (changed) => handOn(target, { ...passing, ...changed }))
      response.writeHead(reply.status, reply.headers).end(reply.body)
    } catch {
      // The part is away, and so its caller must find it.
      response.destroy()
    }
  })

const OF_THE_CONNECTION = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'keep-alive',
  'transfer-encoding',
])

async function handOn(target: string, { method, path, headers, body }: Passing): Promise<Reply> {
  const answer = await fetch(`${target}${path}`, { method, headers, ...(body ? { body } : {}) })
  const own = [...answer.headers].filter(([name]) => !OF_THE_CONNECTION.has(name))
  return { status: answer.status, headers: Object.fromEntries(own), body: Buffer.from(await answer.arrayBuffer()) }
}
