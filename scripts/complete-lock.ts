/**
 * Completes package-lock.json after `npm install`: a registry that lacks a platform's package leaves its entry out,
 * and npm 11 then refuses the lock on every platform. Such entries carry version, os, cpu and libc, but no hash:
 * whoever locks against a full registry fills it in. Run `node scripts/complete-lock.ts` after changing a dependency.
 */
import { readFileSync, writeFileSync } from 'node:fs'

type Entry = {
  version?: string
  optionalDependencies?: Record<string, string>
  dev?: boolean
  license?: string
  optional?: boolean
  os?: string[]
  cpu?: string[]
  libc?: string[]
}

const FILE = 'package-lock.json'
const SYSTEMS: Record<string, string> = {
  windows: 'win32',
  ...same('darwin', 'linux', 'win32', 'freebsd', 'android', 'openbsd', 'netbsd', 'sunos', 'aix', 'openharmony'),
}
const PROCESSORS: Record<string, string> = {
  '64': 'x64',
  '32': 'ia32',
  ...same('x64', 'arm64', 'arm', 'ia32', 'ppc64', 'ppc64le', 's390x', 'riscv64', 'loong64', 'mips64el', 'wasm32'),
}

const lock = JSON.parse(readFileSync(FILE, 'utf8')) as { packages: Record<string, Entry> }
let added = 0
for (const [path, entry] of Object.entries(lock.packages))
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    if (isLocked(path, name)) continue
    const guessed = guess(name, range, entry)
    if (!guessed) {
      console.warn(`left out ${name}@${range}: its name tells no platform`)
      continue
    }
    lock.packages[`node_modules/${name}`] = guessed
    added += 1
  }
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([one], [other]) => (one < other ? -1 : 1)))
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`)
console.log(`${added} entries added`)

/** npm looks beside the package first, then in each folder above it. */
function isLocked(path: string, name: string): boolean {
  if (lock.packages[`${path ? `${path}/` : ''}node_modules/${name}`]) return true
  if (!path) return false
  const parent = path.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, '')
  return isLocked(parent === path ? '' : parent, name)
}

function guess(name: string, range: string, parent: Entry): Entry | undefined {
  const words = name.split('/').at(-1)!.split(/[-_]/)
  const os = words.map((word) => SYSTEMS[word]).find(Boolean)
  const cpu = words.map((word) => PROCESSORS[word]).find(Boolean)
  if (!os && !cpu) return undefined
  const libc = words.includes('musl')
    ? ['musl']
    : words.some((word) => word.startsWith('gnu') || word === 'glibc')
      ? ['glibc']
      : undefined
  return {
    version: range.replace(/^[\^~]/, ''),
    ...(cpu ? { cpu: [cpu] } : {}),
    ...(parent.dev ? { dev: true } : {}),
    ...(libc ? { libc } : {}),
    ...(parent.license ? { license: parent.license } : {}),
    optional: true,
    ...(os ? { os: [os] } : {}),
  }
}

function same(...names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, name]))
}
