import { createRequestStateCodec, type RequestStateCodec, type ServerContext } from '@modelcontextprotocol/server'
import type { Asking } from './asking.ts'
import { subjectOf } from './sessions.ts'

/** What a tool keeps between its questions and their answers. It travels through the client: sealed, bound to the caller. */
export type RequestState = Pick<RequestStateCodec, 'mint' | 'verify'>

/** Time to answer a question. */
const TEN_MINUTES_IN_SECONDS = 600

/** The first key seals, all of them verify. */
export function createRequestState(keys: Uint8Array[]): RequestState {
  const codecs = keys.map((key) =>
    createRequestStateCodec({
      key,
      ttlSeconds: TEN_MINUTES_IN_SECONDS,
      bind: (context) => subjectOf(callerOf(context)),
    }),
  )
  const [current] = codecs
  if (!current) throw new Error('Sealing the state of requests needs a key')
  return {
    mint: current.mint,
    verify: (state, context) => Promise.any(codecs.map((codec) => codec.verify(state, context))),
  }
}

/** Both legs hand the request's `Asking` through the library as its `authInfo`. */
const callerOf = ({ http }: ServerContext) => (http!.authInfo!.extra as Asking).who.caller
