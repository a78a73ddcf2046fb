import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The checkout as the steps see it. Paths begin at its root. */
export type Tree = {
  read(path: string): string
  /** Every file below a folder, in order, but nothing that was generated or installed there. */
  list(folder: string): string[]
}

/** A file as it is to be. */
export type FileEdit = { path: string; content: string }

const NOT_OURS = new Set(['generated', 'node_modules', '.turbo'])

export const checkoutTree = (root: string): Tree => ({
  read: (path) => readFileSync(join(root, path), 'utf8'),
  list: (folder) => filesBelow(root, folder),
})

const filesBelow = (root: string, folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true })
    .filter(({ name }) => !NOT_OURS.has(name))
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap((entry) =>
      entry.isDirectory() ? filesBelow(root, `${folder}/${entry.name}`) : [`${folder}/${entry.name}`],
    )
