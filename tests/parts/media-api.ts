import { createTestDatabase } from '@jan/testkit/postgres'
import { startServiceProcess } from '@jan/testkit/service-process'

export type WatchedService = {
  url: string
  /** A request that is answered 404 by the operation `resolve_media`, as a part of this trace if it is given. */
  resolve(traceId?: string): Promise<number>
  /** Asks it to stop, which sends the traces that are left. @returns its exit code */
  stop(): Promise<number | null>
  [Symbol.asyncDispose](): Promise<void>
}

/** A real service process, for suites about how it is watched. */
export async function startMediaApi(environment: Record<string, string> = {}): Promise<WatchedService> {
  const database = await createTestDatabase({ service: 'media-api' })
  const service = await startServiceProcess('media-api', (url) => ({
    MEDIA_DATABASE_URL: database.url,
    MEDIA_DISK_PATH: '/nonexistent',
    MEDIA_PUBLIC_URL: url,
    MEDIA_URL_SECRET: 'x'.repeat(32),
    INTERNAL_TOKEN_KEYS: `t:${Buffer.alloc(32).toString('base64url')}`,
    FIELD_ENCRYPTION_KEYS: `t:${Buffer.alloc(32).toString('base64url')}`,
    AUTH_ENABLED: 'false',
    OTEL_SERVICE_NAME: 'media-api',
    ...environment,
  }))
  return {
    url: service.url,
    resolve: async (traceId) => {
      const answer = await fetch(`${service.url}/v1/media/resolve`, {
        method: 'POST',
        headers: traceId ? { traceparent: `00-${traceId}-b7ad6b7169203331-01` } : {},
        body: JSON.stringify({ ids: ['jan_01hqr8v9k2x3f4g5h6j7k8m9n0'] }),
      })
      await answer.body?.cancel()
      return answer.status
    },
    stop: () => service.stop(),
    [Symbol.asyncDispose]: async () => {
      await service[Symbol.asyncDispose]()
      await database.drop()
    },
  }
}
