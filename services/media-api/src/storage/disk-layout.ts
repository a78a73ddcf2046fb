import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { basename, dirname, join, relative, sep } from 'node:path'
import { ifThere } from './if-there.ts'
import { isObjectKey, requireKey } from './object-storage.ts'

/** `images/jan_x.png` → `<root>/images/3f/a0/jan_x.png`: at most 256 entries per folder level, whatever the ids are. */
export function fileOf(root: string, key: string): string {
  const shard = createHash('sha256').update(requireKey(key)).digest('hex')
  return join(root, dirname(key), shard.slice(0, 2), shard.slice(2, 4), basename(key))
}

/** Keys of the files below `<root>/<folder>`. What somebody else has put there is left out. */
export async function* keysIn(root: string, folder: string): AsyncGenerator<string> {
  for await (const file of filesIn(join(root, requireKey(folder)))) {
    const [name = '', , , ...folders] = relative(root, file).split(sep).reverse()
    const key = [...folders.reverse(), name].join('/')
    if (isObjectKey(key) && fileOf(root, key) === file) yield key
  }
}

async function* filesIn(folder: string): AsyncGenerator<string> {
  for (const entry of (await ifThere(readdir(folder, { withFileTypes: true }))) ?? []) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* filesIn(path)
    else if (entry.isFile()) yield path
  }
}
