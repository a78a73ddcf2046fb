import { cpSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'

export const ROOT = resolve(import.meta.dirname, '../..')
const NOT_COPIED = new Set(['node_modules', '.git', '.jan', '.turbo', 'generated', 'coverage', '.env'])

/** This checkout's own files in a temporary folder, with nothing installed. */
export function copyCheckout(): { root: string; remove(): void } {
  const root = mkdtempSync(join(tmpdir(), 'jan-new-service-'))
  cpSync(ROOT, root, { recursive: true, filter: (path) => !NOT_COPIED.has(basename(path)) })
  return { root, remove: () => rmSync(root, { recursive: true, force: true }) }
}

/** Installs into a copy what is installed here: by links, with the workspaces' own leading into the copy. */
export function linkInstalled(root: string): void {
  const [here, there] = [join(ROOT, 'node_modules'), join(root, 'node_modules')]
  mkdirSync(join(there, '@jan'), { recursive: true })
  for (const name of readdirSync(here))
    if (name !== '@jan' && name !== '.jan-installed') symlinkSync(join(here, name), join(there, name))
  for (const name of readdirSync(join(here, '@jan')))
    symlinkSync(readlinkSync(join(here, '@jan', name)), join(there, '@jan', name))
}
