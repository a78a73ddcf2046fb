import { AppError } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { CreateProject } from './project.schema.ts'
import type { Project } from './project.store.ts'

export const nameIsTaken = (name: string) =>
  new AppError('conflict', `You have a project with the name '${name}' already`, { param: 'name' })

/** @throws AppError `conflict` when the workspace has a project of this name */
export async function createProject(deps: Pick<Deps, 'projects'>, who: Who, input: CreateProject): Promise<Project> {
  const at = who.startedAt
  const project = await deps.projects.insertOrFind({
    id: who.newId('proj', 16),
    workspaceId: who.caller.workspaceId,
    createdBy: who.caller.subject,
    name: input.name,
    instruction: input.instruction ?? null,
    isFavorite: input.is_favorite ?? false,
    archivedAt: input.is_archived ? at : null,
    createdAt: at,
    updatedAt: at,
  })
  if (!project) throw nameIsTaken(input.name)
  return project
}
