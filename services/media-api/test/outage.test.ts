import { unavailable } from '@jan/service-kit/errors'
import { expect, test } from '@jest/globals'
import { dataUrl, png } from './images.ts'
import { startMediaService } from './media-service.ts'

const source = { type: 'data_url', data_url: dataUrl(png()) }
const ID = 'jan_01hqr8v9k2x3f4g5h6j7k8m9n0'

test('without PostgreSQL every call is a clear 503, and readiness names it [H-105 H-52]', async () => {
  const service = await startMediaService({ env: { MEDIA_DATABASE_URL: 'postgres://nobody:x@127.0.0.1:1/none' } })
  try {
    const headers = await service.as('ann')
    const calls = [
      await service.call('/v1/media', { json: { source }, headers }),
      await service.call('/v1/media/resolve', { json: { ids: [ID] }, headers }),
      await service.call(`/v1/media/${ID}`, { headers }),
      await service.call(`/v1/media/${ID}/presign`, { headers }),
    ]
    for (const { status, body, headers: answered } of calls) {
      expect([status, body.error]).toEqual([503, 'The database is not reachable right now'])
      expect(answered.get('retry-after')).toBe('2')
    }
    const ready = await service.call('/readyz')
    expect([ready.status, ready.body.failing]).toEqual([503, ['postgres']])
  } finally {
    await service.close()
  }
})

test('without its storage the service is ready but degraded, and only what needs bytes fails [H-106 H-52]', async () => {
  const away = () => Promise.reject(unavailable('The object storage cannot be used right now'))
  const service = await startMediaService({
    replace: ({ storage, dependencies }) => ({
      storage: { ...storage, put: away, get: away, head: away, check: away },
      dependencies: dependencies.map((each) => (each.name === 'storage' ? { ...each, check: away } : each)),
    }),
  })
  try {
    const stored = await service.call('/v1/media', { json: { source }, headers: await service.as('ann') })
    expect([stored.status, stored.body.error]).toEqual([503, 'The object storage cannot be used right now'])
    const ready = await service.call('/readyz')
    expect([ready.status, ready.body.degraded]).toEqual([200, ['storage']])
    expect(await service.db.query('SELECT id FROM media_object')).toEqual([])
  } finally {
    await service.close()
  }
})
