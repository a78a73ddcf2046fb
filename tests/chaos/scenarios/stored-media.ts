import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { serve } from '@jan/testkit/serve'
import { storedThings } from '../harness/stored-things.ts'

/** One white pixel. */
const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAGwsX1wAAAABJRU5ErkJggg==',
  'base64',
)
/** A true image that no other key has: what follows its end is not shown. */
const beginningOf = (key: string) => Buffer.concat([PIXEL, Buffer.from(`${key}/`)])
const pictureOf = (key: string, version: number) => Buffer.concat([beginningOf(key), Buffer.from(`${version}`)])
/** Long enough for a fault to come in the middle of it. */
const FETCH_MS = 100
const isFetched = (key: string) => Number(key.split('-')[1]) % 4 < 2

/**
 * Half the pictures are sent along. The others are fetched, and every fetch finds another one there: equal bytes are
 * stored once anyway, so only these show whether the service knew the request again.
 */
export const scenario = storedThings({
  service: 'media-api',
  path: '/v1/media',
  open: async (database, { world, runName, stack }) => {
    let version = 0
    const site = stack.use(
      await serve(async (request, response) => {
        await pause(FETCH_MS)
        version += 1
        response.writeHead(200, { 'content-type': 'image/png' }).end(pictureOf(request.url!.slice(1), version))
      }),
    )
    return {
      environment: {
        MEDIA_DATABASE_URL: database.url,
        MEDIA_STORAGE: 'disk',
        MEDIA_DISK_PATH: join(world.folder, runName),
        MEDIA_URL_SECRET: randomBytes(32).toString('hex'),
        OUTBOUND_ALLOW: `127.0.0.1:${site.port}`,
      },
      bodyOf: (key) => ({
        source: isFetched(key)
          ? { type: 'remote_url', url: `${site.url}/${key}` }
          : { type: 'data_url', data_url: `data:image/png;base64,${pictureOf(key, 0).toString('base64')}` },
      }),
    }
  },
  isContent: (key, body) => body.indexOf(beginningOf(key)) === 0,
  listSql: 'SELECT id, workspace_id AS owner FROM media_object',
})
