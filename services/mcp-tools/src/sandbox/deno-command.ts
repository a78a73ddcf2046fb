import { existsSync } from 'node:fs'
import { platform } from 'node:process'
import { wrapInBubblewrap } from './bubblewrap.ts'
import type { SandboxRuntime } from './sandbox-runtime.ts'

export type RunnerMode = 'python' | 'javascript' | 'snapshot'
export type DenoCommand = { file: string; args: string[]; env: Record<string, string> }

/** Deno reads permission lists at commas; a doubled comma is one of a path. */
const pathList = (paths: string[]) => paths.map((path) => path.replaceAll(',', ',,')).join(',')

/**
 * One locked-down Deno. Every part was needed against some attack:
 * DENO_DIR at a place that cannot exist, because `caches` and `localStorage` write there past every deny flag;
 * V8's two limits for its heap and for WebAssembly; the shell's limit on data, because V8 counts no array buffers.
 */
export function buildDenoCommand(
  runtime: SandboxRuntime,
  mode: RunnerMode,
  options: {
    cpuSeconds: number
    snapshotFile?: string | undefined
    wheelsDir?: string | undefined
    /** Where bubblewrap is, when it stands around Deno. */
    bubblewrap?: string | undefined
  },
): DenoCommand {
  const readable = mode === 'javascript' ? [] : [runtime.pyodideDir]
  const wheelsDir = mode === 'python' ? options.wheelsDir : undefined
  for (const path of [options.snapshotFile, wheelsDir]) if (path) readable.push(path)
  const deno = [
    ...['run', '--quiet', '--no-prompt', '--no-remote', '--no-npm', '--no-config', '--no-lock', '--cached-only'],
    ...['--no-check', '--deny-net', '--deny-env', '--deny-run', '--deny-ffi', '--deny-sys', '--deny-write'],
    ...['--deny-import', readable.length > 0 ? `--allow-read=${pathList(readable)}` : '--deny-read'],
    '--v8-flags=--max-old-space-size=128,--wasm-max-mem-pages=4096',
    ...[runtime.runner, mode, runtime.pyodideDir, options.snapshotFile ?? '', wheelsDir ?? ''],
  ]
  const env = {
    DENO_DIR: '/dev/null/deno',
    DENO_NO_UPDATE_CHECK: '1',
    HOME: '/nonexistent',
    NO_COLOR: '1',
    PATH: '/nonexistent',
  }
  const walled = options.bubblewrap
    ? wrapInBubblewrap(options.bubblewrap, runtime.deno, { env, readable: [runtime.runner, ...readable] })
    : wrap(runtime.deno)
  if (platform === 'win32') return { file: runtime.deno, args: deno, env }
  return {
    file: '/bin/sh',
    args: ['-c', `${limits(options.cpuSeconds)} && exec "$@"`, 'sh', ...walled, ...deno],
    env,
  }
}

const MAX_DATA_KIB = 1024 * 1024

/** Only Linux counts private memory as data; elsewhere the watchdog over resident memory stands alone. */
const limits = (cpuSeconds: number): string =>
  ['-c 0', '-f 0', '-n 64', `-t ${cpuSeconds}`, ...(platform === 'linux' ? [`-d ${MAX_DATA_KIB}`] : [])]
    .map((limit) => `ulimit ${limit}`)
    .join(' && ')

const SETPRIV = '/usr/bin/setpriv'

/** Where util-linux is at hand the kernel itself ends the process with its parent, even in the midst of a busy loop. */
const wrap = (deno: string): string[] =>
  platform === 'linux' && existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL', '--no-new-privs', deno] : [deno]
