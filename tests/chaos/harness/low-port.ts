import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * A free loopback port below those that the system gives to outgoing connections: what is stopped and started again on
 * its port would otherwise find it taken by a client that was trying to reconnect.
 */
export async function lowPort(): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = 29_000 + Math.floor(Math.random() * 3_000)
    if (given.has(port)) continue
    const probe = createServer().listen(port, '127.0.0.1')
    const isFree = await once(probe, 'listening').then(
      () => true,
      () => false,
    )
    if (!isFree) continue
    probe.close()
    await once(probe, 'close')
    given.add(port)
    return port
  }
  throw new Error('no free port between 29000 and 31999')
}

const given = new Set<number>()
