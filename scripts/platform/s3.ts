import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '@jan/testkit/free-port'
import { placeOf } from './cache.ts'
import { goProgram } from './go.ts'
import type { Part } from './part.ts'
import { serve } from './server.ts'

export const versity = goProgram({
  module: 'github.com/versity/versitygw',
  version: 'v1.8.0',
  path: 'cmd/versitygw',
  minutes: 3,
})

/** Versity's S3 gateway over a folder. */
export const s3: Part = {
  name: 's3',
  needs: [versity],
  minutes: 0.5,
  suite: 'services/media-api/test/s3.platform.test.ts',
  start: async (bench) => {
    const port = await freePort()
    // A folder directly under its root is a bucket. It changes into its root, so its paths must be absolute.
    const folder = (name: string) => join(bench.work, name)
    for (const name of ['data/jan-media', 'attributes', 'iam']) mkdirSync(folder(name), { recursive: true })
    const keys = { ROOT_ACCESS_KEY: randomBytes(10).toString('hex'), ROOT_SECRET_KEY: randomBytes(20).toString('hex') }
    await serve(bench, {
      label: 'versitygw',
      command: join(placeOf(bench, versity), 'versitygw'),
      args: [
        ...['--port', `127.0.0.1:${port}`, '--health', '/healthz', '--quiet', '--iam-dir', folder('iam')],
        // Beside the data instead of in extended attributes, which not every file system has.
        ...['posix', '--sidecar', folder('attributes'), folder('data')],
      ],
      env: keys,
      ready: { url: `http://127.0.0.1:${port}/healthz` },
    })
    return {
      JAN_TEST_S3_URL: `http://127.0.0.1:${port}`,
      JAN_TEST_S3_BUCKET: 'jan-media',
      JAN_TEST_S3_ACCESS_KEY: keys.ROOT_ACCESS_KEY,
      JAN_TEST_S3_SECRET_KEY: keys.ROOT_SECRET_KEY,
    }
  },
}
