import { idempotencyKeyIn } from '@jan/route-tools/idempotency-meta'
import type { RequestHeaders } from '@jan/service-kit/auth'
import {
  BAGGAGE_META_KEY,
  type RequestMeta,
  TRACEPARENT_META_KEY,
  TRACESTATE_META_KEY,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import type { CallMeta } from '../tools/client.ts'

const readable = (most: number) =>
  z
    .string()
    .regex(new RegExp(`^[\\x20-\\x7e]{1,${most}}$`))
    .optional()
    .catch(undefined)

/** What does not have its form is left out: it is help, not input. */
const Meta = z.object({
  traceparent: z
    .string()
    .regex(/^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/)
    .optional()
    .catch(undefined),
  tracestate: readable(512),
  baggage: readable(8192),
  idempotencyKey: readable(255),
})

/** What a POST says in its headers. */
export const metaOfHeaders = (headers: RequestHeaders): CallMeta =>
  read({
    traceparent: headers.traceparent,
    tracestate: headers.tracestate,
    baggage: headers.baggage,
    idempotencyKey: headers['idempotency-key'],
  })

/** What a message says in its `_meta`, else what its POST said. @throws ProtocolError −32602 for a key of a retry that is none */
export const metaOfMessage = (meta: RequestMeta | undefined, ofPost: CallMeta): CallMeta => ({
  ...ofPost,
  ...read({
    traceparent: meta?.[TRACEPARENT_META_KEY],
    tracestate: meta?.[TRACESTATE_META_KEY],
    baggage: meta?.[BAGGAGE_META_KEY],
    idempotencyKey: idempotencyKeyIn(meta),
  }),
})

const read = (said: Record<keyof CallMeta, unknown>): CallMeta =>
  Object.fromEntries(Object.entries(Meta.parse(said)).filter(([, value]) => value !== undefined))
