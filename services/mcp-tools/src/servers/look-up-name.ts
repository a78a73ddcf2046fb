import { type LookupAddress, type LookupOptions, lookup, promises, TIMEOUT } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { promisify } from 'node:util'
import { createTurns } from '../tools/turns.ts'

type Options = {
  /** Names that the operator trusts: the system knows them, from its own files, too. */
  trusted?: ReadonlySet<string>
  resolver?: Pick<promises.Resolver, 'resolve4' | 'resolve6'>
  system?: (name: string, options: LookupOptions & { all: true }) => Promise<LookupAddress[]>
}

const AT_ONCE = 2
const MOST_WAITING = 200
const tooMany = () => new Error('Too many names are being looked up')

/**
 * Looks up names that anybody may choose. The system does it in one of the few threads that files and the rest of this
 * process need as well, for as long as a name's own servers like: so names are asked for without it, and what nobody
 * knows there, as the names of this machine, is asked of the system by a few at a time.
 */
export function createNameLookup({
  trusted = new Set(),
  resolver = new promises.Resolver({ timeout: 2_000, tries: 2 }),
  system = promisify(lookup),
}: Options = {}): LookupFunction {
  const turns = createTurns(AT_ONCE, MOST_WAITING, { busy: tooMany, closed: tooMany })

  const find = async (name: string, options: LookupOptions): Promise<LookupAddress[]> => {
    const bySystem = () => system(name, { ...options, all: true })
    if (trusted.has(name)) return bySystem()
    const asked = await Promise.allSettled([
      resolver.resolve4(name).then((found) => found.map((address) => ({ address, family: 4 }))),
      resolver.resolve6(name).then((found) => found.map((address) => ({ address, family: 6 }))),
    ])
    const found = asked.flatMap((each) => (each.status === 'fulfilled' ? each.value : []))
    if (found.length > 0) return found
    const late = asked.find((each) => each.status === 'rejected' && each.reason.code === TIMEOUT)
    if (late?.status === 'rejected') throw late.reason
    return turns.during(undefined, bySystem)
  }

  return (name, options, callback) => {
    find(name, options).then(
      (found) => {
        const [first] = found
        if (options.all || !first) callback(null, found)
        else callback(null, first.address, first.family)
      },
      (error: NodeJS.ErrnoException) => callback(error, []),
    )
  }
}
