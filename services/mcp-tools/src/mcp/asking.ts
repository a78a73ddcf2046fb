import type { Caller } from '@jan/service-kit/auth'
import type { Who } from '@jan/service-kit/who'
import type { AuthInfo } from '@modelcontextprotocol/server'
import type { CallMeta } from '../tools/client.ts'
import type { Asked } from '../tools/surface.ts'
import type { Session } from './sessions.ts'

/** One POST to the endpoint: whose, and by what kind of client. */
export type Asking = {
  who: Who<Caller>
  asked: Asked
  /** Whether it speaks 2026-07-28. */
  modern: boolean
  /** Whether its answer may be a stream. */
  streams: boolean
  /** Of a 2025-x client that sent its session id. */
  session?: Session | undefined
  /** What its headers say. */
  meta: CallMeta
}

/** How an `Asking` travels through the library. */
export const carry = (asking: Asking): AuthInfo => ({ token: '', clientId: '', scopes: [], extra: asking })
