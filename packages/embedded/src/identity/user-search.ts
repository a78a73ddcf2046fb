import type { Request } from 'express'
import type { User } from './users.store.ts'

/**
 * Keycloak's query parameters for users: `username` and `email` (a part of them, or with `exact` the whole), `q` with
 * `attribute:value` pairs that must all match, `createdBefore` (epoch milliseconds or a date). Others are ignored.
 */
export function searchUsers(users: User[], query: Request['query']): User[] {
  const text = (name: string) => String(query[name] ?? '')
  const moment = text('createdBefore')
  const latest = /^\d*$/.test(moment) ? Number(moment || Number.MAX_VALUE) : Date.parse(`${moment}T23:59:59.999Z`)
  const pairs = [...text('q').matchAll(/([^\s:]+):(\S+)/g)]
  const named = (user: User, name: 'username' | 'email') => {
    const [held = '', wanted] = [user[name], text(name).toLowerCase()]
    return wanted === '' || (query.exact === 'true' ? held === wanted : held.includes(wanted))
  }
  const described = ({ attributes }: User) =>
    pairs.every(([, name = '', value = '']) =>
      attributes[name]?.some((held) => held.toLowerCase() === value.toLowerCase()),
    )
  return users.filter(
    (user) =>
      named(user, 'username') &&
      named(user, 'email') &&
      described(user) &&
      user.createdTimestamp <= latest &&
      // Service accounts are not people: they show up only when asked for by name.
      (text('username') !== '' || !user.serviceAccountClientId),
  )
}

/** A page of a list: 100 from the first on, unless told otherwise; a negative `max` is no limit. */
export function pageOf<T>(list: T[], query: Request['query']): T[] {
  const first = Number(query.first ?? 0)
  const max = Number(query.max ?? 100)
  return list.slice(first, max < 0 ? undefined : first + max)
}
