import { once } from 'node:events'
import type { Socket } from 'node:net'
import {
  createRedisCommandExecutor,
  RedisServerState,
  Resp2Server,
  resolveCompatibilityProfile,
} from 'js-redis-server/core'

/** A Redis-protocol server in this process, in memory: what Redis holds may be lost by design. @returns how to stop it */
export async function startRedis(port: number): Promise<() => Promise<void>> {
  const compatibility = resolveCompatibilityProfile()
  const redis = new Resp2Server({
    server: new RedisServerState({ databaseCount: 16, compatibility }),
    executor: createRedisCommandExecutor({ compatibility }),
  })
  const clients = new Set<Socket>()
  redis.server.on('connection', (client) => {
    clients.add(client)
    client.once('close', () => clients.delete(client))
  })
  // Its own listen() takes every interface, and it asks nobody for a password.
  redis.server.listen(port, '127.0.0.1')
  await once(redis.server, 'listening')
  return () => {
    const closed = redis.close()
    // Clients stay connected for as long as they live: whoever waits for them to go waits for ever.
    for (const client of clients) client.destroy()
    return closed
  }
}
