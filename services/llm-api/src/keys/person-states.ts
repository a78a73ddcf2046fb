import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@jan/service-kit/logger'
import type { UsersClient } from '../identity/users.client.ts'
import type { PersonState } from './key.store.ts'

/** What the identity provider says of a person now, remembered for half a minute; undefined when it cannot be asked. */
export type PersonStates = { of(subject: string): Promise<PersonState | undefined> }

export type PersonStatesOptions = {
  users: Pick<UsersClient, 'getUser' | 'rolesOf'>
  now: () => Date
  log: Logger
  /** Longest wait for the provider, in ms. */
  waitMs?: number
}

const REMEMBERED_MS = 30_000
const REMEMBERED = 10_000
/** How long a provider that failed is left alone. */
const AWAY_MS = 5_000
const GONE: PersonState = { enabled: false, roles: [] }
/** The roles that tokens carry; a realm has others for its own use. */
const ROLES = new Set(['guest', 'user', 'admin'])

export function createPersonStates({ users, now, log, waitMs = 2_000 }: PersonStatesOptions): PersonStates {
  const known = new Map<string, { state: PersonState; until: number }>()
  const underWay = new Map<string, Promise<PersonState | undefined>>()
  let awayUntil = 0

  const ask = async (subject: string): Promise<PersonState> => {
    const user = await users.getUser(subject)
    if (!user?.enabled) return GONE
    const roles = (await users.rolesOf(subject)).map(({ name }) => name)
    return { enabled: true, roles: roles.filter((name) => ROLES.has(name)).sort() }
  }
  const learn = async (subject: string): Promise<PersonState | undefined> => {
    const askedAt = now().getTime()
    try {
      const state = await withinTime(ask(subject), waitMs)
      if (known.size >= REMEMBERED) known.delete(known.keys().next().value!)
      known.set(subject, { state, until: askedAt + REMEMBERED_MS })
      return state
    } catch (error) {
      awayUntil = now().getTime() + AWAY_MS
      log.warn({ err: error }, 'the identity provider does not say who may use API keys; what it said last holds')
      return undefined
    }
  }
  return {
    of: async (subject) => {
      const at = now().getTime()
      const remembered = known.get(subject)
      if (remembered && remembered.until > at) return remembered.state
      known.delete(subject)
      if (awayUntil > at) return undefined
      const asked = underWay.get(subject) ?? learn(subject).finally(() => underWay.delete(subject))
      underWay.set(subject, asked)
      return asked
    },
  }
}

async function withinTime<T>(answer: Promise<T>, ms: number): Promise<T> {
  const late = new AbortController()
  const waited = sleep(ms, undefined, { signal: late.signal, ref: false }).then(() => {
    throw new Error(`no answer within ${ms} ms`)
  })
  try {
    return await Promise.race([answer, waited])
  } finally {
    late.abort()
    waited.catch(() => undefined)
  }
}
