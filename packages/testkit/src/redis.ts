import { startRedis } from '@jan/embedded/redis'
import { Redis } from 'ioredis'
import { freePort } from './free-port.ts'

export type TestRedis = {
  url: string
  port: number
  /** To look at what others have stored. */
  judge: Redis
  close(): Promise<void>
}

/** A server of the Redis protocol on loopback, in this process. */
export async function startTestRedis(port?: number): Promise<TestRedis> {
  const taken = port ?? (await freePort())
  const stop = await startRedis(taken)
  const judge = new Redis(taken)
  const close = async () => {
    judge.disconnect()
    await stop()
  }
  return { url: `redis://127.0.0.1:${taken}`, port: taken, judge, close }
}
