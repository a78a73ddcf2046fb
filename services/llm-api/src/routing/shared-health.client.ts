import { tryParseJson } from '@jan/service-kit/json-body'
import type { Closers } from '@jan/service-kit/lifecycle'
import type { Logger } from '@jan/service-kit/logger'
import { answerOf, connectRedis, type Redis } from '@jan/service-kit/redis'
import { z } from 'zod'
import { createDeploymentHealth, type DeploymentHealth, type HealthNews } from './deployment-health.ts'

/** What cools down: a hash of news by deployment, for those that come later, and a channel for those that listen. */
const COOLING = 'jan:llm-api:cooling'
const CHANNEL = 'jan:llm-api:health'

const News = z.object({ id: z.string(), until: z.number(), level: z.number() })

/** Health that all replicas share through Redis. Without it, or while it is away, each learns by itself. */
export function connectHealth(
  redisUrl: string | undefined,
  redis: Redis | undefined,
  log: Logger,
  closers: Closers,
): DeploymentHealth {
  const tell = (news: HealthNews) => {
    if (redis)
      void publish(redis, news).catch((error: Error) => log.debug({ reason: error.message }, 'health not told'))
  }
  const health = createDeploymentHealth({ now: Date.now, random: Math.random, tell })
  // One that listens can do nothing else.
  if (redisUrl && redis) listen(connectRedis(redisUrl, log, closers), redis, health, log)
  return health
}

async function publish(redis: Redis, news: HealthNews): Promise<void> {
  const text = JSON.stringify(news)
  const kept = news.until === 0 ? redis.hdel(COOLING, news.id) : redis.hset(COOLING, news.id, text)
  await Promise.all([answerOf(redis, kept), answerOf(redis, redis.publish(CHANNEL, text))])
}

function listen(listener: Redis, redis: Redis, health: DeploymentHealth, log: Logger): void {
  const hear = (text: string) => {
    const news = News.safeParse(tryParseJson(text))
    if (news.success) health.hear(news.data)
  }
  listener.on('message', (channel, text) => {
    if (channel === CHANNEL) hear(text)
  })
  const begin = async () => {
    await listener.subscribe(CHANNEL)
    // What was said before anybody here listened.
    for (const text of Object.values(await answerOf(redis, redis.hgetall(COOLING)))) hear(text)
  }
  const tryToBegin = () =>
    void begin().catch((error: Error) => log.warn({ reason: error.message }, 'cooling places are not heard of'))
  listener.on('ready', tryToBegin)
  if (listener.status === 'ready') tryToBegin()
}
