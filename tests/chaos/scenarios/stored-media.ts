import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { storedThings } from '../harness/stored-things.ts'

/** One white pixel. */
const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAGwsX1wAAAABJRU5ErkJggg==',
  'base64',
)
/** A true image that no other key has: what follows its end is not shown. */
const pictureOf = (key: string) => Buffer.concat([PIXEL, Buffer.from(key)])

export const scenario = storedThings({
  service: 'media-api',
  environment: (database, { world, runName }) => ({
    MEDIA_DATABASE_URL: database.url,
    MEDIA_STORAGE: 'disk',
    MEDIA_DISK_PATH: join(world.folder, runName),
    MEDIA_URL_SECRET: randomBytes(32).toString('hex'),
  }),
  create: {
    path: '/v1/media',
    body: (key) => ({
      source: { type: 'data_url', data_url: `data:image/png;base64,${pictureOf(key).toString('base64')}` },
    }),
  },
  read: { path: (id) => `/v1/media/${id}`, isContent: (key, body) => body.equals(pictureOf(key)) },
  listSql: 'SELECT id, workspace_id AS owner FROM media_object',
})
