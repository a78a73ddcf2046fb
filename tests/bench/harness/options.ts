import { connect } from 'node:net'
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

/** A mistake of who started the bench: told in one line, exit code 2. */
export class OptionError extends Error {}

type Variables = Record<string, string | undefined>

/** The model that the bench's upstream answers for. */
export const MODEL = 'bench-model'

const CONNECT_MS = 5_000

/** @throws OptionError for the first option that cannot be used; an empty one counts as absent */
export function readOptions(given: Variables, scenarios: string[]): Options {
  return {
    only: readNames(given, scenarios),
    rounds: readWhole(given, 'ROUNDS', { byDefault: 5, least: 1, most: 100 }),
    seconds: readWhole(given, 'SECONDS', { byDefault: 6, least: 1, most: 600 }),
    write: readSwitch(given, 'WRITE'),
    upstreamPort: readWhole(given, 'BENCH_UPSTREAM_PORT', { byDefault: 0, least: 1, most: 65_535 }),
    peer: readPeer(given),
  }
}

function readNames({ ONLY }: Variables, scenarios: string[]): string[] {
  if (!ONLY) return scenarios
  const names = ONLY.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !scenarios.includes(name))
  if (unknown !== undefined)
    throw new OptionError(`ONLY: there is no scenario '${unknown}', but ${scenarios.join(', ')}`)
  return scenarios.filter((name) => names.includes(name))
}

type Range = { byDefault: number; least: number; most: number }

function readWhole(given: Variables, name: string, { byDefault, least, most }: Range): number {
  const text = given[name]
  if (!text) return byDefault
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  throw new OptionError(`${name}: '${text}' is not a whole number from ${least} to ${most}`)
}

function readSwitch(given: Variables, name: string): boolean {
  const text = given[name] || '0'
  if (text !== '0' && text !== '1') throw new OptionError(`${name}: '${text}' is neither 0 nor 1`)
  return text === '1'
}

function readPeer(given: Variables): Peer | undefined {
  if (!given.PEER) {
    const orphan = ['PEER_NAME', 'PEER_KEY', 'PEER_MODEL', 'PEER_PID'].find((name) => given[name])
    if (orphan) throw new OptionError(`${orphan} says something of a peer, but PEER is not set`)
    return undefined
  }
  if (!given.BENCH_UPSTREAM_PORT)
    throw new OptionError('PEER needs BENCH_UPSTREAM_PORT, the port on this machine where the peer finds its model')
  const pid = readWhole(given, 'PEER_PID', { byDefault: 0, least: 1, most: 2 ** 22 }) || undefined
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
  if (!url || !/^https?:$/.test(url.protocol)) throw new OptionError(`PEER: '${text}' is not an http or https URL`)
  url.pathname = url.pathname === '/' ? '/v1' : url.pathname.replace(/\/+$/, '')
  return url
}

function requirePeerRunning(pid: number): void {
  try {
    requireRunning(pid)
  } catch (error) {
    throw new OptionError(`PEER_PID: ${(error as Error).message}`)
  }
}

/** Whether it listens; what it answers shows when it is asked, with its upstream there. @throws OptionError when not */
export async function requireReachable({ url }: Peer): Promise<void> {
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  const socket = connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port, timeout: CONNECT_MS })
  try {
    await new Promise<void>((done, fail) => {
      socket.once('connect', done).once('error', fail)
      socket.once('timeout', () => fail(Object.assign(new Error(), { code: 'ETIMEDOUT' })))
    })
  } catch (error) {
    throw new OptionError(`PEER: ${url.origin} does not answer (${(error as NodeJS.ErrnoException).code})`)
  } finally {
    socket.destroy()
  }
}
