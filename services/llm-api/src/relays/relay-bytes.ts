import { type Answer, relay } from '@jan/service-kit/answer'
import type { Who } from '@jan/service-kit/who'
import type { Deployment } from '../models/offered-model.ts'
import { callModel } from '../routing/call-model.ts'
import type { MeteredCall } from '../usage/metering.ts'
import { usageInTail } from '../usage/usage-in-tail.ts'
import { watchLeaving } from './after-leaving.ts'
import { failed, headersOf, type RelayNeeds } from './relay-model.ts'
import { relayEvents } from './relay-stream.ts'

export type BytesRelay = MeteredCall & {
  /** Below a provider's base URL. */
  path: string
  contentType: string
  /** What is asked, as far as it is text. */
  json: Record<string, unknown>
  bodyFor: (deployment: Deployment) => string | Buffer
}

const EVENTS_TYPE = /^text\/event-stream\b/

/** Asks a model for what may be anything: a sound, a text, events. Handed on as it comes. @throws AppError when it refuses or cannot be reached */
export async function relayBytes(deps: RelayNeeds, who: Who, request: BytesRelay): Promise<Answer<never>> {
  const metering = await deps.meter.begin(who, request)
  const leaving = watchLeaving(who)
  const onFailure = (error: unknown) => failed(deps, metering, request.json, error)
  try {
    const call = { ...request, accept: 'bytes', metering, requestId: who.requestId, stop: leaving.stop } as const
    const served = await callModel(deps, call)
    const { status, contentType, body } = served.answer
    const headers = headersOf(served, metering)
    if (served.whole.length > 0) {
      leaving.settle()
      metering.end({ outcome: 'ok', status, usage: usageInTail(served.whole) })
      return relay(served.whole, { status, headers })
    }
    if (EVENTS_TYPE.test(contentType)) {
      const options = { leaving, metering, json: request.json, wantsUsage: true, isTyped: true, onFailure }
      return relay(relayEvents(who, body, options), { status, headers })
    }
    metering.firstToken()
    const pushTo: typeof body.pushTo = async (sink) => {
      try {
        await body.pushTo(sink)
        metering.end({ outcome: 'ok', status })
      } catch (error) {
        throw onFailure(error)
      } finally {
        leaving.settle()
      }
    }
    return relay({ pushTo }, { status, headers })
  } catch (error) {
    leaving.settle()
    throw onFailure(error)
  }
}
