import { invalid, notFound } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { presentResponse } from './present-response.ts'
import type { ResponseResource } from './response.schema.ts'

/** A stored response of the caller's workspace. One that is in progress has no output yet. */
export async function getResponse(
  deps: Pick<Deps, 'responses'>,
  { caller }: Who,
  input: { id: string; stream: boolean },
): Promise<ResponseResource> {
  if (input.stream) throw invalid('stream: reading the events of a stored response is not offered yet', 'stream')
  const record = await deps.responses.find(caller.workspaceId, input.id)
  if (!record) throw notFound('Response', input.id)
  return presentResponse(record)
}
