import type { Answer } from '@jan/service-kit/answer'
import { AppError, notFound } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { streamEvents } from './stream-events.ts'

/** Tells a stored run again: the same events under the same numbers. @throws AppError `conflict` while it is under way */
export async function replayResponse(
  deps: Pick<Deps, 'responses' | 'runLogs'>,
  { caller }: Who,
  id: string,
): Promise<Answer<never>> {
  const record = await deps.responses.find(caller.workspaceId, id)
  if (!record) throw notFound('Response', id)
  if (record.status === 'in_progress')
    throw new AppError('conflict', `Response '${id}' is in progress`, { headers: { 'retry-after': '2' } })
  return streamEvents(deps.runLogs.readStored(caller.workspaceId, id))
}
