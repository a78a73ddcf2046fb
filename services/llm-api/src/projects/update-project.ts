import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { nameIsTaken } from './create-project.ts'
import type { UpdateProject } from './project.schema.ts'
import type { Project } from './project.store.ts'
import { noSuchProject, requireProject } from './require-project.ts'

/**
 * Changes what is given; nothing given changes nothing, not even the time of the last change.
 * @throws AppError `not_found`; `conflict` when another project has the name
 */
export async function updateProject(
  deps: Pick<Deps, 'projects' | 'now'>,
  who: Who,
  { id, name, instruction, is_favorite: isFavorite, is_archived: isArchived }: UpdateProject & { id: string },
): Promise<Project> {
  const change = {
    ...(name === undefined ? {} : { name }),
    ...(instruction === undefined ? {} : { instruction }),
    ...(isFavorite === undefined ? {} : { isFavorite }),
    ...(isArchived === undefined ? {} : { isArchived }),
  }
  const project = await requireProject(deps, who, id)
  if (Object.keys(change).length === 0) return project
  const changed = await deps.projects.update(who.caller.workspaceId, id, { ...change, at: deps.now() })
  if (changed === 'name is taken') throw nameIsTaken(name!)
  if (!changed) throw noSuchProject(id)
  return changed
}
