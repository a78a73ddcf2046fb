import { buffer } from 'node:stream/consumers'
import { serve } from '@jan/testkit/serve'

/** Stands before the identity provider and answers in its place when told to. */
export type FaultyFront = {
  url: string
  /** Each request that came, as `METHOD /path`. */
  seen: string[]
  /** What the last request of each kind carried, by its `METHOD /path`. */
  bodies: Map<string, string>
  /** What each request had in `Authorization`. */
  authorizations: string[]
  /** Status to answer instead of passing a request on, by its `METHOD /path`; undefined passes it on. */
  refuse: ((request: string) => number | undefined) | undefined
  /** Whose answer never arrives though it was done, by its `METHOD /path`. */
  lose: ((request: string) => boolean) | undefined
  close(): Promise<void>
}

const HOP_BY_HOP = ['connection', 'content-length', 'host', 'keep-alive', 'transfer-encoding', 'content-encoding']

export async function startFaultyFront(target: string): Promise<FaultyFront> {
  const front: Omit<FaultyFront, 'url' | 'close'> = {
    seen: [],
    bodies: new Map(),
    authorizations: [],
    refuse: undefined,
    lose: undefined,
  }
  const served = await serve(async (incoming, outgoing) => {
    const request = `${incoming.method} ${incoming.url!.split('?')[0]}`
    front.seen.push(request)
    front.authorizations.push(incoming.headers.authorization ?? '')
    const status = front.refuse?.(request)
    if (status !== undefined) return outgoing.writeHead(status).end()
    const headers = Object.entries(incoming.headers).filter(([name]) => !HOP_BY_HOP.includes(name))
    const body = await buffer(incoming)
    front.bodies.set(request, body.toString())
    const answer = await fetch(`${target}${incoming.url}`, {
      method: incoming.method!,
      headers: Object.fromEntries(headers) as Record<string, string>,
      redirect: 'manual',
      ...(body.length > 0 ? { body } : {}),
    })
    if (front.lose?.(request)) return outgoing.destroy()
    const given = [...answer.headers].filter(([name]) => !HOP_BY_HOP.includes(name))
    outgoing.writeHead(answer.status, Object.fromEntries(given)).end(Buffer.from(await answer.arrayBuffer()))
  })
  return Object.assign(front, { url: served.url, close: served.close })
}
