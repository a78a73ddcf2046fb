import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestDatabase } from '@jan/testkit/postgres'
import { startServiceProcess } from '@jan/testkit/service-process'
import { expect, test } from '@jest/globals'
import { dataUrl, png } from './images.ts'
import { FIELD_KEYS, INTERNAL_KEYS, SERVICE_KEY, URL_SECRET } from './media-service.ts'

test('on the real runtime the service starts, stores, serves what it signed, and stops when told [H-27]', async () => {
  const database = await createTestDatabase({ service: 'media-api' })
  const folder = await mkdtemp(join(tmpdir(), 'jan-media-'))
  {
    await using service = await startServiceProcess('media-api', (url) => ({
      MEDIA_DATABASE_URL: database.url,
      MEDIA_DISK_PATH: folder,
      MEDIA_PUBLIC_URL: url,
      MEDIA_URL_SECRET: URL_SECRET,
      INTERNAL_TOKEN_KEYS: INTERNAL_KEYS,
      FIELD_ENCRYPTION_KEYS: FIELD_KEYS,
    }))
    const stored = await fetch(`${service.url}/v1/media`, {
      method: 'POST',
      headers: { 'x-media-service-key': SERVICE_KEY },
      body: JSON.stringify({ source: { type: 'data_url', data_url: dataUrl(png()) }, user_id: 'user123' }),
    })
    expect(stored.status).toBe(200)
    const { presigned_url: signed } = (await stored.json()) as { presigned_url: string }
    const picture = await (await fetch(signed)).arrayBuffer()
    expect(Buffer.from(picture).equals(png())).toBe(true)
    expect(await service.stop()).toBe(0)
  }
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})
