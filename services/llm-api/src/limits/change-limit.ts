import { AppError, notFound } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { CreateLimit, UpdateLimit } from './limit.schema.ts'
import type { CallLimit, LimitValues } from './limit.store.ts'

type Needs = Pick<Deps, 'limits' | 'now'>

export const noSuchLimit = (id: string) => notFound('Limit', id)

/** @throws AppError `conflict` for a second one of a subject */
export async function createLimit(deps: Needs, who: Who, input: z.output<typeof CreateLimit>): Promise<CallLimit> {
  const at = who.startedAt
  const limit = await deps.limits.store.create({
    requestsPerMinute: null,
    tokensPerMinute: null,
    concurrentRequests: null,
    ...given(input),
    id: who.newId('limit', 16),
    subject: { kind: input.subject_kind, id: input.subject_id },
    createdBy: who.caller.subject,
    createdAt: at,
    updatedAt: at,
  })
  if (!limit) throw new AppError('conflict', `This ${input.subject_kind} has limits of its own already: change those`)
  await deps.limits.changed()
  return limit
}

/** @throws AppError `not_found` */
export async function updateLimit(deps: Needs, id: string, input: UpdateLimit): Promise<CallLimit> {
  const limit = await deps.limits.store.update(id, { ...given(input), updatedAt: deps.now() })
  if (!limit) throw noSuchLimit(id)
  await deps.limits.changed()
  return limit
}

/** @throws AppError `not_found` */
export async function deleteLimit(deps: Needs, id: string): Promise<void> {
  if (!(await deps.limits.store.delete(id))) throw noSuchLimit(id)
  await deps.limits.changed()
}

const given = (input: UpdateLimit): Partial<LimitValues> => ({
  ...(input.requests_per_minute === undefined ? {} : { requestsPerMinute: input.requests_per_minute }),
  ...(input.tokens_per_minute === undefined ? {} : { tokensPerMinute: input.tokens_per_minute }),
  ...(input.concurrent_requests === undefined ? {} : { concurrentRequests: input.concurrent_requests }),
})
