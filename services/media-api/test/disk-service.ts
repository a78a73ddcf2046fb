import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Secret } from '@jan/service-kit/config'
import { presentFlatError } from '@jan/service-kit/errors'
import { createHttpApp } from '@jan/service-kit/http-app'
import { silentLogger as log } from '@jan/service-kit/logger'
import { createMetrics } from '@jan/service-kit/metrics'
import { presentErrorsAs } from '@jan/service-kit/route'
import { freePort } from '@jan/testkit/free-port'
import { serve } from '@jan/testkit/serve'
import { createDiskStorage } from '../src/storage/disk-storage.client.ts'
import type { ObjectStorage } from '../src/storage/object-storage.ts'
import { storageRoutes } from '../src/storage/storage.routes.ts'
import { createUrlSigner } from '../src/storage/url-signer.ts'

export type DiskService = {
  url: string
  path: string
  storage: ObjectStorage
  /** What lies about of uploads that broke. */
  leftovers: () => Promise<string[]>
  close: () => Promise<void>
}

/** A disk storage in a folder of its own, and the service where its URLs lead. */
export async function openDisk({ largest = 200 * 1024 * 1024 } = {}): Promise<DiskService> {
  const path = await mkdtemp(join(tmpdir(), 'jan-storage-'))
  const port = await freePort()
  const now = () => new Date()
  const urls = createUrlSigner({ secret: new Secret('x'.repeat(32)), publicUrl: `http://127.0.0.1:${port}/`, now })
  const storage = createDiskStorage({ path, urls, now })
  const app = createHttpApp({
    ...{ service: 'media-api', version: '1', log, metrics: createMetrics('media-api'), dependencies: [] },
    routes: presentErrorsAs(presentFlatError, storageRoutes({ storage, urls, now, settings: { largest } })),
    authenticate: async () => undefined,
    bodyLimit: 1_000,
  })
  const served = await serve(app.handler, port)
  return {
    url: served.url,
    path,
    storage,
    leftovers: () => readdir(join(path, '.incoming')),
    close: async () => {
      await served.close()
      await rm(path, { recursive: true })
    },
  }
}
