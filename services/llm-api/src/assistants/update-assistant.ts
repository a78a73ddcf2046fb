import { AppError } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { UpdateAssistant } from './assistant.schema.ts'
import type { Assistant, AssistantChange } from './assistant.store.ts'
import { requireOwnAssistant, requireSharer } from './require-assistant.ts'

export const hasChangedMeanwhile = (id: string) =>
  new AppError('conflict', `Assistant '${id}' was deleted or shared differently at this moment; look at it again`)

/**
 * Changes what is given. One that is shared no more is its maker's again, or the caller's when its maker is gone.
 * @returns it before and after @throws AppError `not_found`; `forbidden` where only an admin may; `conflict`
 */
export async function updateAssistant(
  deps: Pick<Deps, 'assistants' | 'now'>,
  who: Who,
  { id, ...input }: UpdateAssistant & { id: string },
): Promise<{ before: Assistant; after: Assistant }> {
  const before = await requireOwnAssistant(deps, who, id)
  if (input.shared) requireSharer(who)
  const fields = changesOf(input)
  if (Object.keys(fields).length === 0) return { before, after: before }
  const { workspaceId, subject } = who.caller
  const owner = input.shared === false && before.workspaceId === null ? { workspaceId, createdBy: subject } : {}
  const change = { ...fields, ...owner, updatedAt: deps.now() }
  const after = await deps.assistants.update(workspaceId, before, change)
  if (!after) throw hasChangedMeanwhile(id)
  return { before, after }
}

function changesOf(input: UpdateAssistant): Omit<AssistantChange, 'updatedAt'> {
  const { name, description, model, instructions, temperature, tools, metadata, shared } = input
  return {
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(model === undefined ? {} : { model }),
    ...(instructions === undefined ? {} : { instructions }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(tools === undefined ? {} : { tools }),
    ...(metadata === undefined ? {} : { metadata: metadata ?? {} }),
    ...(shared === undefined ? {} : { shared }),
  }
}
