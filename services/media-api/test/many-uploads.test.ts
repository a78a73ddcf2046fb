import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { png } from './images.ts'
import { type MediaService, startMediaService } from './media-service.ts'

/** Longer than anybody waits for a connection to the database. */
const JUDGING_MS = 3500

let service: MediaService
let judging = 0
const opened = Promise.withResolvers<void>()

beforeAll(async () => {
  const scanner = async () => {
    judging += 1
    await opened.promise
    return true
  }
  service = await startMediaService({ replace: () => ({ scanner }) })
})
afterAll(() => service.close())

test('many direct uploads at once wait for each other, however long one of them takes [M-002]', async () => {
  const headers = await service.as('ann')
  const complete = async (shade: number) => {
    const { body } = await service.call('/v1/media/prepare-upload', { json: { mime_type: 'image/png' }, headers })
    await service.deps.storage.put(`incoming/${body.id}`, png(shade), { type: 'image/png' })
    return service.call(`/v1/media/${body.id}/complete`, { method: 'POST', headers })
  }
  const answers = Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(complete))
  await until(async () => judging > 1)
  setTimeout(opened.resolve, JUDGING_MS)
  expect((await answers).map(({ status }) => status)).toEqual(Array(8).fill(200))
})
