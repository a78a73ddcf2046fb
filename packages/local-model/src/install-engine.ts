import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const SOURCE = join(import.meta.dirname, '../engine')
const manifest = JSON.parse(readFileSync(join(SOURCE, 'package.json'), 'utf8')) as {
  dependencies: Record<'node-llama-cpp', string>
}
export const ENGINE_VERSION = manifest.dependencies['node-llama-cpp']

/** By `process.platform` and `process.arch`. */
const BINARIES: Record<string, string> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'darwin-x64': 'mac-x64',
  'darwin-arm64': 'mac-arm64-metal',
  'win32-x64': 'win-x64',
  'win32-arm64': 'win-arm64',
}

export type Platform = { platform: string; arch: string; isMusl: boolean }

const here = (): Platform => ({ platform: process.platform, arch: process.arch, isMusl: isMusl() })

/** The package with the engine's binary. @throws Error, one sentence, where there is none */
export function binaryOf({ platform, arch, isMusl }: Platform = here()): string {
  const name = isMusl ? undefined : BINARIES[`${platform}-${arch}`]
  if (name) return `@node-llama-cpp/${name}`
  const place = `${platform}-${arch}${isMusl ? ' with musl' : ''}`
  throw new Error(`JAN_MODEL_GGUF: no local model runs on ${place}; node-llama-cpp has no binary for it`)
}

/** Where the engine is kept in `folder`: a new version gets a new place. */
export const enginePlace = (folder: string): string => join(folder, `node-llama-cpp-${ENGINE_VERSION}`)
export const isInstalled = (folder: string): boolean => existsSync(enginePlace(folder))

/**
 * Installs node-llama-cpp with the binary of this platform alone, in a place of its own in `folder`, unless it is there.
 * It takes nothing from anywhere but npm's registry, and runs no install script.
 * @throws Error with what npm said, or the signal's reason; nothing half-made stays
 */
export async function installEngine(folder: string, signal: AbortSignal): Promise<void> {
  const place = enginePlace(folder)
  const binary = binaryOf()
  if (existsSync(place)) return
  mkdirSync(folder, { recursive: true })
  const unfinished = mkdtempSync(join(folder, 'unfinished-'))
  try {
    const dependencies = { ...manifest.dependencies, [binary]: ENGINE_VERSION }
    writeFileSync(join(unfinished, 'package.json'), JSON.stringify({ ...manifest, dependencies }))
    writeFileSync(join(unfinished, 'package-lock.json'), readFileSync(join(SOURCE, 'package-lock.json')))
    await npmInstall(unfinished, signal)
    if (!existsSync(join(unfinished, 'node_modules', binary))) throw new Error(`npm did not install ${binary}`)
    if (!existsSync(place)) renameSync(unfinished, place)
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
}

/** `--omit=optional` leaves out the binaries of other platforms and of other graphics cards, 600 MB. */
async function npmInstall(cwd: string, signal: AbortSignal): Promise<void> {
  const args = ['install', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const shell = process.platform === 'win32'
  await promisify(execFile)('npm', args, { cwd, signal, shell }).catch((error: Error & { stderr?: string }) => {
    signal.throwIfAborted()
    throw new Error(`The engine for local models could not be installed: ${error.stderr?.trim() || error.message}`)
  })
}

function isMusl(): boolean {
  if (process.platform !== 'linux') return false
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } }
  return header.glibcVersionRuntime === undefined
}

/** Where the module of an installed engine begins. */
export const moduleOf = (place: string): string => join(place, 'node_modules/node-llama-cpp/dist/index.js')
