import { createHash } from 'node:crypto'
import { readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { arch, platform } from 'node:process'
import { fileURLToPath } from 'node:url'
import { SandboxUnavailable } from './sandbox-errors.ts'

/** Where the sandbox's parts lie. `versions` names what a memory snapshot depends on. */
export type SandboxRuntime = { deno: string; pyodideDir: string; runner: string; versions: string }

const DENO_PACKAGES: Record<string, string> = {
  'linux-x64': '@deno/linux-x64-glibc',
  'linux-arm64': '@deno/linux-arm64-glibc',
  'darwin-x64': '@deno/darwin-x64',
  'darwin-arm64': '@deno/darwin-arm64',
  'win32-x64': '@deno/win32-x64',
  'win32-arm64': '@deno/win32-arm64',
}

const require = createRequire(import.meta.url)
const versionOf = (manifest: string): string =>
  (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version

/** What the runner has ready in Python is in the snapshot, too. */
const hashOf = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 12)

/**
 * Finds Deno's own binary in its platform package: the package `deno` itself puts a Node wrapper in `.bin`, and killing
 * a wrapper leaves the real process alive.
 * @throws SandboxUnavailable when there is none for this machine
 */
export function locateRuntime(): SandboxRuntime {
  const name = DENO_PACKAGES[`${platform}-${arch}`]
  if (!name) throw new SandboxUnavailable(`There is no Deno for ${platform}-${arch}`)
  const runner = fileURLToPath(new URL('./sandbox-runner.mjs', import.meta.url))
  try {
    const fromDeno = createRequire(require.resolve('deno/package.json'))
    const denoManifest = fromDeno.resolve(`${name}/package.json`)
    const pyodideManifest = require.resolve('pyodide/package.json')
    return {
      deno: realpathSync(join(dirname(denoManifest), platform === 'win32' ? 'deno.exe' : 'deno')),
      pyodideDir: realpathSync(dirname(pyodideManifest)),
      runner,
      versions: `pyodide-${versionOf(pyodideManifest)}-deno-${versionOf(denoManifest)}-${hashOf(runner)}`,
    }
  } catch (error) {
    throw new SandboxUnavailable(`The packages ${name} and pyodide are not both installed`, { cause: error })
  }
}
