import { mkdir, open, rename, writeFile } from 'node:fs/promises'
import { dirname, relative, sep } from 'node:path'
import { exactBytes } from './exact-bytes.ts'
import type { Content } from './object-storage.ts'

/** What has returned here outlives a power failure: bytes, and the names by which they are found. */
export type DurableFiles = {
  /** A new file. @throws when there is one, or the content breaks; then a part of it may be left */
  write(path: string, content: Content): Promise<void>
  /** From or to anywhere below the root; what was there before is replaced. @throws ENOENT when there is nothing to rename */
  rename(from: string, to: string): Promise<void>
}

export function createDurableFiles(root: string): DurableFiles {
  /** Whoever needs a folder that another one is making waits until its name is safe, too. */
  const making = new Map<string, Promise<void>>()

  function makeFolder(path: string): Promise<void> {
    const made = making.get(path) ?? makeFolderUnder(root, path).finally(() => making.delete(path))
    making.set(path, made)
    return made
  }

  return {
    write: async (path, content) => {
      const file = await open(path, 'wx', 0o600)
      try {
        await writeFile(file, Buffer.isBuffer(content) ? content : exactBytes(content))
        await file.sync()
      } finally {
        await file.close()
      }
    },
    rename: async (from, to) => {
      await makeFolder(dirname(to))
      await rename(from, to)
      // The old name may come back after a power failure; what matters is that the new one stays.
      await syncFolder(dirname(to))
    },
  }
}

/** A new folder is a name in the one above it, so that one must be safe as well. */
async function makeFolderUnder(root: string, path: string): Promise<void> {
  if ((await mkdir(path, { recursive: true })) === undefined) return
  const names = relative(root, path).split(sep)
  for (let depth = 0; depth < names.length; depth += 1) await syncFolder([root, ...names.slice(0, depth)].join(sep))
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
