import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Logger } from '@jan/service-kit/logger'
import { followText } from '../files/follow-text.ts'
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

/**
 * The operator's servers, read again when the file changes. What cannot be understood at all leaves those before it; a
 * file that is gone names no servers.
 */
export function watchServerFile({ file, variables, log, onChange }: Watching): WatchedFile {
  let servers: readonly ServerSpec[] = []
  const path = pathOf(file)
  const take = (text: string | undefined) => {
    const read = readServerFile(text ?? '', variables)
    for (const problem of read.problems) log.warn({ file }, `${file}: ${problem}`)
    if (read.servers === undefined) return false
    servers = read.servers
    log.info({ file, servers: servers.length }, 'read the file of MCP servers')
    return true
  }
  const before = textOf(path)
  if (before !== undefined) take(before)
  const close = followText(
    path,
    before,
    (text) => {
      if (take(text)) onChange()
    },
    (err) => log.error({ err, file }, 'the changed file of MCP servers cannot be used; those before it stay'),
  )
  return { servers: () => servers, close }
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
