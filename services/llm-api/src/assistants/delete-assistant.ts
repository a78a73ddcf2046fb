import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { Assistant } from './assistant.store.ts'
import { requireOwnAssistant } from './require-assistant.ts'
import { hasChangedMeanwhile } from './update-assistant.ts'

/** @returns what it was @throws AppError `not_found`; `forbidden` for a shared one, unless by an admin; `conflict` */
export async function deleteAssistant(
  deps: Pick<Deps, 'assistants' | 'now'>,
  who: Who,
  id: string,
): Promise<Assistant> {
  const assistant = await requireOwnAssistant(deps, who, id)
  if (!(await deps.assistants.delete(who.caller.workspaceId, assistant, deps.now()))) throw hasChangedMeanwhile(id)
  return assistant
}
