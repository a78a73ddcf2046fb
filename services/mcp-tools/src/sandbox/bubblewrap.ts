import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { platform } from 'node:process'
import type { Logger } from '@jan/service-kit/logger'
import type { SandboxRuntime } from './sandbox-runtime.ts'

const PLACES = ['/usr/bin/bwrap', '/usr/local/bin/bwrap']
/** What a binary of glibc is linked to. */
const LIBRARIES = ['/usr/lib', '/usr/lib64', '/lib', '/lib64', '/etc/ld.so.cache']
const PROBE_MS = 10_000

export type Wall = { env: Record<string, string>; readable: string[] }

/**
 * A second wall around Deno: namespaces of its own for everything, no network, no capabilities, and of the file system
 * only what Deno needs, to read. It ends with its parent, as `setpriv` would have it.
 */
export const wrapInBubblewrap = (bubblewrap: string, deno: string, { env, readable }: Wall): string[] => [
  bubblewrap,
  ...['--unshare-all', '--die-with-parent', '--new-session', '--cap-drop', 'ALL', '--clearenv'],
  ...Object.entries(env).flatMap(([name, value]) => ['--setenv', name, value]),
  ...LIBRARIES.flatMap((path) => ['--ro-bind-try', path, path]),
  ...['--proc', '/proc', '--dev', '/dev'],
  ...[deno, ...readable].flatMap((path) => ['--ro-bind', path, path]),
  ...['--chdir', '/', '--', deno],
]

/** Where bubblewrap is, if this host has it and lets us use it: containers and some distributions do not. */
export async function findBubblewrap(
  runtime: Pick<SandboxRuntime, 'deno' | 'runner'>,
  log: Pick<Logger, 'info' | 'warn'>,
  places = PLACES,
): Promise<string | undefined> {
  const found = platform === 'linux' ? places.find((path) => existsSync(path)) : undefined
  if (!found) {
    log.info({ bubblewrap: null }, "programs run behind Deno's wall; bubblewrap would be a second one")
    return undefined
  }
  const env = { DENO_DIR: '/dev/null/deno', PATH: '/nonexistent' }
  const [file, ...args] = wrapInBubblewrap(found, runtime.deno, { env, readable: [runtime.runner] }) as [string]
  const problem = await new Promise<Error | null>((resolve) => {
    execFile(file, [...args, '--version'], { env: {}, timeout: PROBE_MS, killSignal: 'SIGKILL' }, resolve)
  })
  if (problem) log.warn({ err: problem, bubblewrap: found }, "bubblewrap does not work here; Deno's wall stands alone")
  else log.info({ bubblewrap: found }, "programs run behind bubblewrap's and Deno's walls")
  return problem ? undefined : found
}
