import type { z } from 'zod'
import type { ProjectAnswer } from './project.schema.ts'
import type { Project } from './project.store.ts'

export const presentProject = (project: Project): z.input<typeof ProjectAnswer> & { id: string } => ({
  id: project.id,
  object: 'project',
  name: project.name,
  ...(project.instruction === null ? {} : { instruction: project.instruction }),
  is_favorite: project.isFavorite,
  is_archived: project.archivedAt !== null,
  ...(project.archivedAt === null ? {} : { archived_at: unix(project.archivedAt) }),
  created_at: unix(project.createdAt),
  updated_at: unix(project.updatedAt),
})

const unix = (time: Date) => Math.floor(time.getTime() / 1000)
