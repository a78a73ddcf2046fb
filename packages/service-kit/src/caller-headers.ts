import type { Headers } from './answer.ts'
import type { Caller } from './auth.ts'

/** Tells the caller, on every answer, whom we took them for and by what. Names and e-mails stay out: proxies log headers. */
export function callerHeaders(caller: Caller): Headers {
  let headers = known.get(caller)
  if (!headers) {
    headers = headersOf(caller)
    known.set(caller, headers)
  }
  return headers
}

/** Most callers are remembered, and so are these. */
const known = new WeakMap<Caller, Headers>()

function headersOf(caller: Caller): Headers {
  if (caller.kind === 'service') return { 'x-principal-id': printable(caller.service), 'x-auth-method': 'service' }
  const id = printable(caller.subject)
  return {
    'x-principal-id': id,
    'x-user-id': id,
    'x-user-subject': id,
    'x-auth-method': caller.kind === 'key' ? 'apikey' : 'jwt',
    ...(caller.scopes?.length ? { 'x-scopes': caller.scopes.join(' ') } : {}),
  }
}

/** A header holds visible ASCII only; a subject is what its issuer makes it. */
const printable = (text: string) => (/^[\x21-\x7e]+$/.test(text) ? text : encodeURIComponent(text.toWellFormed()))
