import { notFound } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { Project } from './project.store.ts'
import { PROJECT_ID } from './project-cursor.ts'

export const noSuchProject = (id: string) => notFound('Project', id)

/** @throws AppError `not_found` for another workspace's, and for what is no id at all */
export async function requireProject(deps: Pick<Deps, 'projects'>, who: Who, id: string): Promise<Project> {
  const project = PROJECT_ID.test(id) ? await deps.projects.find(who.caller.workspaceId, id) : undefined
  if (!project) throw noSuchProject(id)
  return project
}
