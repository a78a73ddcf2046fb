import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Peer } from './http-client.ts'
import { defineJob, type JobQueue, type Transaction } from './jobs.ts'

/** Who a message acts for: what an internal token will say of them. No token, and no approval, which covers one call only. */
const StoredCaller = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('service'), service: z.string() }),
  z.object({
    kind: z.enum(['user', 'guest', 'key']),
    subject: z.string(),
    workspaceId: z.string(),
    roles: z.array(z.string()),
    scopes: z.array(z.string()).optional(),
    username: z.string().optional(),
    email: z.string().optional(),
    keyId: z.string().optional(),
  }),
])

const Message = z.object({
  /** Name of the service, as in `peers`. */
  to: z.string(),
  method: z.enum(['POST', 'PUT', 'PATCH', 'DELETE']),
  path: z.string().startsWith('/'),
  json: z.json().optional(),
  caller: StoredCaller,
  requestId: z.string(),
})

const StoredMessage = Message.extend({ id: z.uuid() })

export type OutboxMessage = z.input<typeof Message>
export type Peers = Readonly<Record<string, Peer>>

/**
 * Delivers one message: any 2xx is the end of it, anything else is tried again as with every job, since a refusal may be
 * mended by a deployment. What was given up stays in the table of jobs.
 */
export const deliverMessage = defineJob({
  name: 'deliver_message',
  payload: StoredMessage,
  run: async ({ peers }: { peers: Peers }, { id, to, ...message }, { signal }) => {
    const answer = await requirePeer(peers, to).send({ ...message, signal, headers: { 'idempotency-key': id } })
    const text = await answer.text()
    if (answer.status < 200 || answer.status > 299)
      throw new Error(`${to} answered ${answer.status}: ${text.slice(0, 300)}`)
  },
})

/**
 * Tells another of our services, once the transaction `db` commits and only then. The message is delivered at least
 * once, in no promised order, in the name of `caller`, with the same `Idempotency-Key` each time: the receiver must be
 * idempotent. `deliverMessage` must be among the jobs of the service. The body is stored: no secret belongs in it.
 * @returns the id of the message, which is its `Idempotency-Key`
 * @throws ZodError for what is no message, Error for a service that is not among `peers`
 */
export async function sendMessage(
  { jobs, peers }: { jobs: JobQueue; peers: Peers },
  message: OutboxMessage,
  { db }: { db: Transaction },
): Promise<string> {
  requirePeer(peers, message.to)
  const id = randomUUID()
  // Parsed before it is stored: what a caller carries beyond these fields stays out of the table.
  await jobs.add(deliverMessage, { ...Message.parse(message), id }, { db })
  return id
}

function requirePeer(peers: Peers, to: string): Peer {
  const peer = Object.hasOwn(peers, to) ? peers[to] : undefined
  if (!peer) throw new Error(`There is no service '${to}' to send to`)
  return peer
}
