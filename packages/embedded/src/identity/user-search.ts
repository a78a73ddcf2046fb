import type { Request } from 'express'
import { HttpError, plainError } from './http-error.ts'

export type UserSearch = {
  username?: string
  email?: string
  firstName?: string
  lastName?: string
  /** Words; each must begin one of username, e-mail and names (`*` matches anything, quotes match the whole). */
  search?: string
  exact: boolean
  enabled?: boolean
  emailVerified?: boolean
  /** Attribute and value, all of which must match. */
  attributes: [string, string][]
  /** Epoch milliseconds. */
  createdBefore?: number
  createdAfter?: number
}

type Query = Request['query']

/** Keycloak's query parameters for users; unknown ones are ignored. @throws HttpError 400 for a malformed moment */
export function readUserSearch(query: Query): UserSearch {
  const text = (name: string) => (typeof query[name] === 'string' && query[name] !== '' ? query[name] : undefined)
  const flag = (name: string) => (text(name) === undefined ? undefined : text(name) === 'true')
  const pairs = (text('q') ?? '').matchAll(/([^\s:]+):(?:"([^"]*)"|(\S+))/g)
  return {
    username: text('username'),
    email: text('email'),
    firstName: text('firstName'),
    lastName: text('lastName'),
    search: text('search'),
    exact: flag('exact') ?? false,
    enabled: flag('enabled'),
    emailVerified: flag('emailVerified'),
    attributes: [...pairs].map(([, name = '', quoted, bare = '']) => [name, quoted ?? bare]),
    createdBefore: readMoment('createdBefore', text('createdBefore'), 'T23:59:59.999Z'),
    createdAfter: readMoment('createdAfter', text('createdAfter'), 'T00:00:00Z'),
  }
}

/** @returns where the page begins and how many users it holds at most; a negative `max` is no limit */
export function readPage(query: Query): { first: number; max: number } {
  const number = (value: unknown, fallback: number) => {
    if (value === undefined) return fallback
    if (typeof value !== 'string' || !/^-?\d{1,9}$/.test(value)) throw plainError(404)
    return Number(value)
  }
  return { first: Math.max(0, number(query.first, 0)), max: number(query.max, 100) }
}

/** Epoch milliseconds, or a date, of which `time` names the beginning or the end. */
function readMoment(name: string, value: string | undefined, time: string): number | undefined {
  if (value === undefined) return undefined
  if (/^\d{1,15}$/.test(value)) return Number(value)
  const date = /^\d{4}-\d{2}-\d{2}$/.test(value) ? Date.parse(value + time) : Number.NaN
  if (Number.isFinite(date)) return date
  throw new HttpError(400, {
    error: `Invalid value for '${name}', expected format is yyyy-MM-dd or an Epoch timestamp`,
  })
}
