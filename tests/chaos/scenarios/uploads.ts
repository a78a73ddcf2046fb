import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { storedThings } from '../harness/stored-things.ts'

const SIZE = 100_000
const BOUNDARY = 'jan-chaos-boundary'

/** Text that no other key has, of 100 kB. */
const contentOf = (key: string): Buffer => {
  const line = `${key} of many uploads at once\n`
  return Buffer.from(line.repeat(Math.ceil(SIZE / line.length)).slice(0, SIZE))
}

const formOf = (key: string): Buffer =>
  Buffer.concat([
    Buffer.from(
      `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="${key}.txt"\r\nContent-Type: text/plain\r\n\r\n`,
    ),
    contentOf(key),
    Buffer.from(`\r\n--${BOUNDARY}--\r\n`),
  ])

export const scenario = storedThings({
  name: 'uploads',
  about: 'POST /v1/media, forms with a file of 100 kB, 500 at once, to two replicas of media-api over one folder.',
  load: { workers: 500, pauseMs: [4_000, 12_000] },
  service: 'media-api',
  path: '/v1/media',
  open: (database, { world, runName }) => ({
    environment: {
      MEDIA_DATABASE_URL: database.url,
      MEDIA_STORAGE: 'disk',
      MEDIA_DISK_PATH: join(world.folder, runName),
      MEDIA_URL_SECRET: randomBytes(32).toString('hex'),
    },
    bodyOf: (key) => ({ bytes: formOf(key), type: `multipart/form-data; boundary=${BOUNDARY}` }),
  }),
  isContent: (key, body) => body.equals(contentOf(key)),
  listSql: 'SELECT id, workspace_id AS owner FROM media_object WHERE deleted_at IS NULL',
})
