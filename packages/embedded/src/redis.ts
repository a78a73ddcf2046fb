import { createRedisMock } from 'js-redis-server'

/** A Redis-protocol server in this process, in memory: what Redis holds may be lost by design. @returns how to stop it */
export async function startRedis(port: number): Promise<() => Promise<void>> {
  const server = await createRedisMock({ port })
  return () => server.close()
}
