import { invalid } from '@jan/service-kit/errors'
import { presentPage } from '@jan/service-kit/page'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { presentProject } from './present-project.ts'
import type { ProjectQuery } from './project.schema.ts'
import { type Position, PROJECT_ID, readCursor, writeCursor } from './project-cursor.ts'

/**
 * One page in the order of the last change. A project that changes while the pages are read moves to the end that
 * changes come to, and none is told twice on the way there.
 * @throws AppError `invalid_request` for a cursor that leads nowhere
 */
export async function listProjects(
  deps: Pick<Deps, 'projects'>,
  { caller: { workspaceId } }: Who,
  { limit, order, after, cursor, ...filter }: ProjectQuery,
) {
  const from = await positionOf(deps, workspaceId, { after, cursor })
  const [rows, total] = await Promise.all([
    deps.projects.list(workspaceId, filter, { limit, order, from }),
    deps.projects.count(workspaceId, filter),
  ])
  const page = presentPage(rows.map(presentProject), limit)
  const last = rows[limit - 1]
  return { ...page, next_cursor: page.has_more && last ? writeCursor(last) : null, total }
}

/** Either may be an id or a cursor: older clients know one name only. */
async function positionOf(
  { projects }: Pick<Deps, 'projects'>,
  workspaceId: string,
  { after, cursor }: Pick<ProjectQuery, 'after' | 'cursor'>,
): Promise<Position | undefined> {
  const sent = cursor || after
  if (!sent) return undefined
  const position = PROJECT_ID.test(sent) ? await projects.positionOf(workspaceId, sent) : readCursor(sent)
  const name = cursor ? 'cursor' : 'after'
  if (!position) throw invalid(`${name}: there is no such project`, name)
  return position
}
