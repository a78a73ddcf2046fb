import { createHash, randomUUID } from 'node:crypto'
import { access, constants, mkdir, open, readdir, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { fileOf, keysIn } from './disk-layout.ts'
import { createDurableFiles } from './durable-files.ts'
import { ifThere } from './if-there.ts'
import { type ObjectStorage, requireKey, type StoredObject } from './object-storage.ts'
import type { UrlSigner } from './url-signer.ts'
import { usable, usableEach } from './usable.ts'

/** A temporary file older than this was left by a process that died. */
const STALE_MS = 24 * 3_600_000
/** As much as is read at once: more is no faster, and every reader holds it. */
const READ_BYTES = 256 * 1024

export type DiskStorageOptions = { path: string; urls: UrlSigner; now: () => Date }

/** Objects as files in sharded folders. The type of an object travels in its signed URL, so a file is only its bytes. */
export function createDiskStorage({ path: root, urls, now }: DiskStorageOptions): ObjectStorage {
  const incoming = join(root, '.incoming')
  const files = createDurableFiles(root)
  let swept = false
  const inSeconds = (seconds: number) => Math.floor(now().getTime() / 1000) + seconds

  return {
    put: (key, content) =>
      usable(async () => {
        const file = fileOf(root, key)
        await mkdir(incoming, { recursive: true })
        if (!swept) await removeStale(incoming, now().getTime() - STALE_MS)
        swept = true
        const temporary = join(incoming, randomUUID())
        try {
          await files.write(temporary, content)
          await files.rename(temporary, file)
        } catch (error) {
          await rm(temporary, { force: true })
          throw error
        }
      }),

    get: (key, range) =>
      usable(async () => {
        const file = await ifThere(open(fileOf(root, key)))
        return file && usableEach(file.createReadStream({ ...range, highWaterMark: READ_BYTES }))
      }),

    head: (key) =>
      usable(async () => {
        const found = await ifThere(stat(fileOf(root, key), { bigint: true }))
        return found && { bytes: Number(found.size), etag: etagOf(key, found) }
      }),

    move: (from, to) =>
      usable(async () => {
        const [source, target] = [fileOf(root, from), fileOf(root, to)]
        const found = await ifThere(stat(source))
        if (!found || source === target) return found !== undefined
        const renewed = utimes(source, now(), now()).then(() => files.rename(source, target))
        return (await ifThere(renewed.then(() => true))) ?? false
      }),

    delete: (key) => usable(() => rm(fileOf(root, key), { force: true })),

    list: (folder) => usableEach(objectsIn(root, folder)),

    presign: async (key, { expiresInSeconds, type, filename, isInline }) =>
      urls.signGet({ key: requireKey(key), type, filename, isInline, expires: inSeconds(expiresInSeconds) }),

    presignPut: async (key, { expiresInSeconds, type, bytes }) => ({
      url: urls.signPut({ key: requireKey(key), type, bytes, expires: inSeconds(expiresInSeconds) }),
      headers: { 'content-type': type },
    }),

    check: async () => {
      await mkdir(root, { recursive: true })
      await access(root, constants.R_OK | constants.W_OK | constants.X_OK)
    },
  }
}

async function* objectsIn(root: string, folder: string): AsyncGenerator<StoredObject> {
  for await (const key of keysIn(root, folder)) {
    const found = await ifThere(stat(fileOf(root, key)))
    if (found) yield { key, bytes: found.size, modifiedAt: found.mtime }
  }
}

/** Every put makes a new file, so a file's own marks tell contents apart without reading them. */
const etagOf = (key: string, { ino, mtimeNs, size }: { ino: bigint; mtimeNs: bigint; size: bigint }) =>
  createHash('sha256').update([key, ino, mtimeNs, size].join(' ')).digest('hex').slice(0, 32)

async function removeStale(folder: string, before: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const found = await ifThere(stat(path))
    if (found && found.mtimeMs < before) await rm(path, { force: true })
  }
}
