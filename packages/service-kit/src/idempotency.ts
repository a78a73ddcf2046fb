import { createHash } from 'node:crypto'
import type { RequestHeaders } from './auth.ts'
import { invalid } from './errors.ts'
import type { newId } from './ids.ts'
import type { Logger } from './logger.ts'

export type IdempotentRequest = {
  /** Keys of one owner mean nothing to another. */
  owner: { workspaceId: string; subject: string }
  key: string
  /** What was asked: the same key must come with the same. */
  fingerprint: string
  log: Logger
}

export type IdempotentWork = {
  /** Does it, and answers; ids come from `makeId`, so that doing it again after a crash makes the same thing. */
  act: (makeId: typeof newId) => Promise<unknown>
  /** Tells again what cannot be kept as an answer: streams. */
  replay?: (makeId: typeof newId) => Promise<unknown>
}

export type Idempotency = {
  /** @throws AppError `conflict` while the first is under way, `unprocessable` when the key came with another request */
  once(request: IdempotentRequest, work: IdempotentWork): Promise<unknown>
}

const KEY = /^[\x21-\x7e]{1,255}$/

/** @throws AppError `invalid_request` for a key that is no 1 to 255 visible ASCII characters */
export function readIdempotencyKey(headers: RequestHeaders): string | undefined {
  const key = headers['idempotency-key']
  if (key === undefined) return undefined
  if (!KEY.test(key)) throw invalid('Idempotency-Key must be 1 to 255 visible ASCII characters')
  return key
}

export const fingerprintOf = (operation: string, url: string, body: Buffer | undefined): string =>
  createHash('sha256')
    .update(`${operation} ${url}\n`)
    .update(body ?? '')
    .digest('base64')
