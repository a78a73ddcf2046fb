import type { ApiKeys } from './api-keys.ts'
import {
  type Authenticate,
  bearerChallenge,
  bearerToken,
  type Caller,
  type Challenge,
  unauthenticated,
} from './auth.ts'

/** As keys are made: `sk_`, further words perhaps, and 48 hex digits. What looks different is not asked for anywhere. */
const KEY = /^sk_(?:[A-Za-z0-9_]{1,60}_)?[0-9a-f]{48}$/

export const isApiKey = (text: string): boolean => text.startsWith('sk_')

/**
 * Takes API keys, in `Authorization: Bearer` and in `X-API-Key` (or `apikey`, as older clients send it), beside what `other` takes. Who sends two credentials must
 * be the same person in both; then the one in `Authorization` counts.
 */
export function acceptKeys(other: Authenticate, keys: ApiKeys, challenge: Challenge = bearerChallenge): Authenticate {
  const refuse = async (why: string): Promise<never> => {
    throw unauthenticated(why, challenge(why))
  }
  const holderOf = (key: string): Caller | Promise<Caller> => {
    if (!KEY.test(key)) return refuse('The API key is not valid')
    const holder = keys.holderOf(key)
    if (holder instanceof Promise) return holder.then((person) => person ?? refuse('The API key is not valid'))
    return holder ?? refuse('The API key is not valid')
  }
  const agreeing = async (judged: ReturnType<Authenticate>, key: string): Promise<Caller | undefined> => {
    const [caller, holder] = await Promise.all([judged, holderOf(key)])
    if (!caller) return holder
    const isSame = caller.kind !== 'service' && holder.kind !== 'service' && caller.subject === holder.subject
    return isSame ? caller : refuse('The token and the API key are not of the same person')
  }
  return (headers) => {
    const token = bearerToken(headers.authorization)
    const sent = headers['x-api-key'] ?? headers.apikey
    const key = sent !== undefined && isApiKey(sent) && sent !== token ? sent : undefined
    if (token === undefined && key !== undefined) return holderOf(key)
    const judged = token !== undefined && isApiKey(token) ? holderOf(token) : other(headers)
    return key === undefined ? judged : agreeing(judged, key)
  }
}
