import { connect } from 'node:net'
import { BadOption, readOnly, readSwitch, readWhole, type Variables } from '../../measure/options.ts'
import { requireRunning } from './process-tree.ts'

export type Peer = { url: URL; name: string; key: string | undefined; model: string; pid: number | undefined }

export type Options = {
  /** Names of the scenarios to run. */
  only: string[]
  rounds: number
  seconds: number
  write: boolean
  /** 0: any free one. */
  upstreamPort: number
  peer: Peer | undefined
}

/** The model that the bench's upstream answers for. */
export const MODEL = 'bench-model'

const CONNECT_MS = 5_000

/** @throws BadOption for the first option that cannot be used */
export function readOptions(given: Variables, scenarios: string[]): Options {
  return {
    only: readOnly(given, scenarios),
    rounds: readWhole(given, 'ROUNDS', { least: 1, most: 100 }) ?? 5,
    seconds: readWhole(given, 'SECONDS', { least: 1, most: 600 }) ?? 6,
    write: readSwitch(given, 'WRITE'),
    upstreamPort: readWhole(given, 'BENCH_UPSTREAM_PORT', { least: 1, most: 65_535 }) ?? 0,
    peer: readPeer(given),
  }
}

function readPeer(given: Variables): Peer | undefined {
  if (!given.PEER) {
    const orphan = ['PEER_NAME', 'PEER_KEY', 'PEER_MODEL', 'PEER_PID'].find((name) => given[name])
    if (orphan) throw new BadOption(`${orphan} says something of a peer, but PEER is not set`)
    return undefined
  }
  if (!given.BENCH_UPSTREAM_PORT)
    throw new BadOption('PEER needs BENCH_UPSTREAM_PORT, the port on this machine where the peer finds its model')
  const pid = readWhole(given, 'PEER_PID', { least: 1, most: 2 ** 22 })
  if (pid) requirePeerRunning(pid)
  return {
    url: readBaseUrl(given.PEER),
    name: given.PEER_NAME || 'peer',
    key: given.PEER_KEY || undefined,
    model: given.PEER_MODEL || MODEL,
    pid,
  }
}

/** As OpenAI's clients take it, ending in `/v1`; an origin alone gets that. */
function readBaseUrl(text: string): URL {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol)) throw new BadOption(`PEER: '${text}' is not an http or https URL`)
  url.pathname = url.pathname === '/' ? '/v1' : url.pathname.replace(/\/+$/, '')
  return url
}

function requirePeerRunning(pid: number): void {
  try {
    requireRunning(pid)
  } catch (error) {
    throw new BadOption(`PEER_PID: ${(error as Error).message}`)
  }
}

/** Whether it listens; what it answers shows when it is asked, with its upstream there. @throws BadOption when not */
export async function requireReachable({ url }: Peer): Promise<void> {
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  const socket = connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port, timeout: CONNECT_MS })
  try {
    await new Promise<void>((done, fail) => {
      socket.once('connect', done).once('error', fail)
      socket.once('timeout', () => fail(Object.assign(new Error(), { code: 'ETIMEDOUT' })))
    })
  } catch (error) {
    throw new BadOption(`PEER: ${url.origin} does not answer (${(error as NodeJS.ErrnoException).code})`)
  } finally {
    socket.destroy()
  }
}
