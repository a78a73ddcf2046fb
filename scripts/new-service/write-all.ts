import { existsSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { FileEdit } from './tree.ts'

/**
 * Writes the edits, then lets `finish` do the rest. When anything throws, every file is as it was: those of the edits,
 * those that `finish` rewrites (`rewritten`), and whatever was put into folders that were made here.
 */
export async function writeAll(
  root: string,
  edits: FileEdit[],
  rewritten: string[],
  finish: () => Promise<void>,
): Promise<void> {
  const undo: (() => void)[] = rewritten.map((path) => restorer(join(root, path)))
  try {
    for (const { path, content } of edits) {
      const file = join(root, path)
      const made = mkdirSync(dirname(file), { recursive: true })
      undo.push(made ? () => rmSync(made, { recursive: true, force: true }) : restorer(file))
      writeFileSync(file, content)
    }
    await finish()
  } catch (error) {
    for (const step of undo.reverse()) step()
    throw error
  }
}

function restorer(file: string): () => void {
  if (!existsSync(file)) return () => rmSync(file, { force: true })
  const before = readFileSync(file)
  const { atime, mtime } = statSync(file)
  return () => {
    writeFileSync(file, before)
    // make compares times: a lock that looks new would be installed again.
    utimesSync(file, atime, mtime)
  }
}
