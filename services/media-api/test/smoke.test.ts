import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestDatabase } from '@jan/testkit/postgres'
import { expect, test } from '@jest/globals'
import { dataUrl, png } from './images.ts'
import { INTERNAL_KEYS, SERVICE_KEY, URL_SECRET } from './media-service.ts'

test('on the real runtime the service starts, stores, serves what it signed, and stops when told', async () => {
  const database = await createTestDatabase({ service: 'media-api' })
  const folder = await mkdtemp(join(tmpdir(), 'jan-media-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const child = spawn('node', ['--import', '@jan/service-kit/telemetry', 'src/main.ts'], {
    cwd: new URL('..', import.meta.url),
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env.PATH,
      MEDIA_API_HTTP_PORT: String(port),
      MEDIA_DATABASE_URL: database.url,
      MEDIA_DISK_PATH: folder,
      MEDIA_PUBLIC_URL: url,
      MEDIA_URL_SECRET: URL_SECRET,
      INTERNAL_TOKEN_KEYS: INTERNAL_KEYS,
    },
  })
  const exited = once(child, 'exit')
  try {
    await untilReady(url, child)
    const stored = await fetch(`${url}/v1/media`, {
      method: 'POST',
      headers: { 'x-media-service-key': SERVICE_KEY },
      body: JSON.stringify({ source: { type: 'data_url', data_url: dataUrl(png()) }, user_id: 'user123' }),
    })
    expect(stored.status).toBe(200)
    const { presigned_url: signed } = (await stored.json()) as { presigned_url: string }
    const picture = await (await fetch(signed)).arrayBuffer()
    expect(Buffer.from(picture).equals(png())).toBe(true)
    child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
  } finally {
    child.kill('SIGKILL')
    await database.drop()
    await rm(folder, { recursive: true, force: true })
  }
})

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer?.status === 200) return
    await new Promise((done) => setTimeout(done, 50))
  }
  throw new Error(`the service ended with ${child.exitCode}`)
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((done) => probe.listen(0, '127.0.0.1', done))
  const { port } = probe.address() as { port: number }
  await new Promise((done) => probe.close(done))
  return port
}
