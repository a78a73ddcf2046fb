import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { CreateAssistant } from './assistant.schema.ts'
import type { Assistant } from './assistant.store.ts'
import { noSuchAssistant, requireSharer } from './require-assistant.ts'

/** @throws AppError `forbidden` for a shared one of who is no admin */
export async function createAssistant(
  deps: Pick<Deps, 'assistants'>,
  who: Who,
  input: CreateAssistant,
): Promise<Assistant> {
  if (input.shared) requireSharer(who)
  const id = who.newId('asst', 16)
  const assistant = await deps.assistants.insertOrFind({
    id,
    workspaceId: who.caller.workspaceId,
    createdBy: who.caller.subject,
    shared: input.shared ?? false,
    name: input.name,
    description: input.description ?? null,
    model: input.model ?? null,
    instructions: input.instructions ?? null,
    temperature: input.temperature ?? null,
    tools: input.tools ?? null,
    metadata: input.metadata ?? {},
    createdAt: who.startedAt,
    updatedAt: who.startedAt,
  })
  // An earlier try of this request made it, and it was deleted since.
  if (!assistant) throw noSuchAssistant(id)
  return assistant
}
