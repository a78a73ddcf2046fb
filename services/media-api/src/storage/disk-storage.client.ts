import { createHash, randomUUID } from 'node:crypto'
import { access, constants, type FileHandle, mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { AppError } from '@jan/service-kit/errors'
import { exactBytes } from './exact-bytes.ts'
import { type Content, isObjectKey, type ObjectStorage } from './object-storage.ts'
import type { UrlSigner } from './url-signer.ts'
import { usable } from './usable.ts'

/** A temporary file older than this was left by a process that died. */
const STALE_MS = 24 * 3_600_000

export type DiskStorageOptions = { path: string; urls: UrlSigner; now: () => Date }

/** Objects as files in sharded folders. The type of an object travels in its signed URL, so a file is only its bytes. */
export function createDiskStorage({ path: root, urls, now }: DiskStorageOptions): ObjectStorage {
  const incoming = join(root, '.incoming')
  let swept = false

  return {
    put: (key, content) =>
      usable(async () => {
        await mkdir(incoming, { recursive: true })
        if (!swept) await removeStale(incoming, now().getTime() - STALE_MS)
        swept = true
        const file = fileOf(root, key)
        const temporary = join(incoming, randomUUID())
        try {
          await writeDurably(temporary, content)
          await mkdir(dirname(file), { recursive: true })
          await rename(temporary, file)
          await syncFolder(dirname(file))
        } catch (error) {
          await rm(temporary, { force: true })
          throw error
        }
      }),

    get: (key, range) =>
      usable(async () => {
        const file = await openIfThere(fileOf(root, key))
        return file?.createReadStream(range ? { start: range.start, end: range.end } : {})
      }),

    head: (key) =>
      usable(async () => {
        const found = await ifThere(stat(fileOf(root, key)))
        return found && { bytes: found.size }
      }),

    delete: (key) => usable(() => rm(fileOf(root, key), { force: true })),

    presign: async (key, { expiresInSeconds, type, filename }) =>
      urls.sign({ key, type, filename, expires: Math.floor(now().getTime() / 1000) + expiresInSeconds }),

    check: async () => {
      await mkdir(root, { recursive: true })
      await access(root, constants.R_OK | constants.W_OK | constants.X_OK)
    },
  }
}

/** `images/jan_x.png` → `<root>/images/3f/a0/jan_x.png`: at most 256 entries per folder level, whatever the ids are. */
function fileOf(root: string, key: string): string {
  if (!isObjectKey(key)) throw new AppError('internal', 'Internal server error', { cause: new Error(`bad key ${key}`) })
  const shard = createHash('sha256').update(key).digest('hex')
  return join(root, dirname(key), shard.slice(0, 2), shard.slice(2, 4), basename(key))
}

async function writeDurably(path: string, content: Content): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await writeFile(file, Buffer.isBuffer(content) ? content : exactBytes(content))
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Without it the name may be lost in a power failure although the bytes are safe. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function removeStale(folder: string, before: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const found = await ifThere(stat(path))
    if (found && found.mtimeMs < before) await rm(path, { force: true })
  }
}

const openIfThere = (path: string): Promise<FileHandle | undefined> => ifThere(open(path, 'r'))

async function ifThere<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}
