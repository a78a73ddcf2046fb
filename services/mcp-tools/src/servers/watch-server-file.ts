import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import { resolve } from 'node:path'
import type { Logger } from '@jan/service-kit/logger'
import { readServerFile } from './read-server-file.ts'
import type { ServerSpec } from './server-spec.ts'

export type WatchedFile = { servers(): readonly ServerSpec[]; close(): void }

type Watching = {
  file: string
  variables: Readonly<Record<string, string | undefined>>
  log: Logger
  onChange(): void
}

/** Read beside a service that is started in its own folder, too. */
const ROOT = resolve(import.meta.dirname, '../../../..')
const LOOK_MS = 1_000

/**
 * The operator's servers, read again when the file changes. Looked at by its path, once in a second, because a mounted
 * file is replaced rather than written, which watchers of the file itself do not see. While it cannot be read at all,
 * what was read before stays; a file that is gone names no servers.
 */
export function watchServerFile({ file, variables, log, onChange }: Watching): WatchedFile {
  let servers: readonly ServerSpec[] = []
  let lastText: string | undefined
  const path = pathOf(file)
  const look = () => {
    const text = textOf(path)
    if (text === lastText) return false
    lastText = text
    const read = readServerFile(text ?? '', variables)
    for (const problem of read.problems) log.warn({ file }, `${file}: ${problem}`)
    if (read.servers === undefined) return false
    servers = read.servers
    log.info({ file, servers: servers.length }, 'read the file of MCP servers')
    return true
  }
  look()
  const listener = () => {
    if (look()) onChange()
  }
  watchFile(path, { interval: LOOK_MS, persistent: false }, listener)
  return { servers: () => servers, close: () => unwatchFile(path, listener) }
}

const pathOf = (file: string) =>
  [resolve(file), resolve(ROOT, file)].find((path) => textOf(path) !== undefined) ?? resolve(ROOT, file)

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
