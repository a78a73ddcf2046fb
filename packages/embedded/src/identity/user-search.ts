import type { Request } from 'express'
import { HttpError, plainError } from './http-error.ts'
import type { User } from './users.store.ts'

type Query = Request['query']
const NAMES = ['username', 'email', 'firstName', 'lastName'] as const

/**
 * Keycloak's query parameters for users; unknown ones are ignored. Of `search` each word must begin one of username,
 * e-mail and names (`*` matches anything, quotes match the whole); of `q` every `attribute:value` must match.
 * @throws HttpError 400 for a malformed moment
 */
export function searchUsers(users: User[], query: Query): User[] {
  const text = (name: string) => (typeof query[name] === 'string' && query[name] !== '' ? query[name] : undefined)
  const exact = text('exact') === 'true'
  const lower = (user: User, name: (typeof NAMES)[number]) => user[name]?.toLowerCase() ?? ''
  const tests: ((user: User) => boolean)[] = []
  for (const name of NAMES) {
    const wanted = text(name)?.toLowerCase()
    if (wanted !== undefined)
      tests.push((user) => (exact ? lower(user, name) === wanted : lower(user, name).includes(wanted)))
  }
  for (const word of text('search')?.toLowerCase().split(/\s+/).filter(Boolean) ?? []) {
    const whole = exact || /^".*"$/.test(word)
    const pattern = word
      .replaceAll('"', '')
      .split('*')
      .map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'))
      .join('.*')
    const matcher = new RegExp(`^${pattern}${whole ? '$' : ''}`)
    tests.push((user) => NAMES.some((name) => matcher.test(lower(user, name))))
  }
  for (const [, name = '', quoted, bare = ''] of (text('q') ?? '').matchAll(/([^\s:]+):(?:"([^"]*)"|(\S+))/g)) {
    const wanted = (quoted ?? bare).toLowerCase()
    tests.push(({ attributes }) => attributes[name]?.some((value) => value.toLowerCase() === wanted) ?? false)
  }
  if (text('enabled')) tests.push((user) => String(user.enabled) === text('enabled'))
  const before = readMoment('createdBefore', text('createdBefore'), 'T23:59:59.999Z')
  const after = readMoment('createdAfter', text('createdAfter'), 'T00:00:00Z')
  if (before !== undefined) tests.push((user) => user.createdTimestamp <= before)
  if (after !== undefined) tests.push((user) => user.createdTimestamp >= after)
  // Service accounts are not people: they show up only when asked for by name.
  if (!text('username')) tests.push((user) => !user.serviceAccountClientId)
  return users.filter((user) => tests.every((passes) => passes(user)))
}

/** A page of a list: 100 from the first on, unless told otherwise; a negative `max` is no limit. */
export function pageOf<T>(list: T[], query: Query): T[] {
  const number = (value: unknown, fallback: number) => {
    if (value === undefined) return fallback
    if (typeof value !== 'string' || !/^-?\d{1,9}$/.test(value)) throw plainError(404)
    return Number(value)
  }
  const first = Math.max(0, number(query.first, 0))
  const max = number(query.max, 100)
  return list.slice(first, max < 0 ? undefined : first + max)
}

/** Epoch milliseconds, or a date, of which `time` names the beginning or the end. */
function readMoment(name: string, value: string | undefined, time: string): number | undefined {
  if (value === undefined) return undefined
  const moment = /^\d{1,15}$/.test(value) ? Number(value) : Date.parse(value + time)
  if (Number.isFinite(moment)) return moment
  const expected = 'expected format is yyyy-MM-dd or an Epoch timestamp'
  throw new HttpError(400, { error: `Invalid value for '${name}', ${expected}` })
}
