import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { basename } from 'node:path'

const MAGIC = 'GGUF'

/** @throws Error, one sentence, when there is no GGUF file at `path` */
export function requireGguf(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat) throw new Error(`JAN_MODEL_GGUF: there is no file ${path}`)
  if (!stat.isFile()) throw new Error(`JAN_MODEL_GGUF: ${path} is not a file`)
  if (firstBytes(path) !== MAGIC)
    throw new Error(`JAN_MODEL_GGUF: ${path} is not a model in GGUF format (it does not begin with ${MAGIC})`)
}

/** What the model is called: its file's name, without the ending and without the number of a part. */
export const modelIdOf = (path: string): string =>
  basename(path)
    .replace(/\.gguf$/i, '')
    .replace(/-\d{5}-of-\d{5}$/, '')

function firstBytes(path: string): string {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    const bytes = Buffer.alloc(MAGIC.length)
    readSync(file, bytes)
    return bytes.toString('latin1')
  } catch (error) {
    throw new Error(`JAN_MODEL_GGUF: ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`)
  } finally {
    if (file !== undefined) closeSync(file)
  }
}
