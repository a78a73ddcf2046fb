import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'

/** Whether something listens there already. */
export async function isTaken(port: number): Promise<boolean> {
  const probe = createServer()
  return new Promise((done) => {
    probe.once('error', () => done(true))
    probe.listen(port, '127.0.0.1', () => probe.close(() => done(false)))
  })
}

/** Who listens on a port, in words for a person: `node (pid 4711)`. Linux tells through /proc; elsewhere, and for others' processes, nobody knows. */
export function ownerOf(port: number): string {
  const inode = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap(listeners).find((socket) => socket.port === port)?.inode
  const owner = inode === undefined ? undefined : holderOf(inode)
  return owner ? `${owner.name} (pid ${owner.pid})` : 'another program'
}

const LISTEN = '0A'

function listeners(table: string): { port: number; inode: string }[] {
  return attempt(() => readFileSync(table, 'utf8').trim().split('\n').slice(1), []).flatMap((line) => {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
    return state === LISTEN ? [{ port: Number.parseInt(local.split(':')[1] ?? '', 16), inode }] : []
  })
}

function holderOf(inode: string): { pid: number; name: string } | undefined {
  const pids = attempt(() => readdirSync('/proc').filter((name) => /^\d+$/.test(name)), [])
  const pid = pids.find((each) =>
    attempt(() => readdirSync(`/proc/${each}/fd`), []).some(
      (fd) => attempt(() => readlinkSync(`/proc/${each}/fd/${fd}`), '') === `socket:[${inode}]`,
    ),
  )
  return pid
    ? { pid: Number(pid), name: attempt(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim(), 'a program') }
    : undefined
}

function attempt<T>(read: () => T, otherwise: T): T {
  try {
    return read()
  } catch {
    return otherwise
  }
}
