import { invalid, notFound } from '@jan/service-kit/errors'
import { type PageQuery, presentPage } from '@jan/service-kit/page'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'

/** What a response was given: the context of the response before it, then its own input. */
export async function listInputItems(
  deps: Pick<Deps, 'responses'>,
  { caller }: Who,
  { id, page }: { id: string; page: PageQuery },
) {
  if (!(await deps.responses.find(caller.workspaceId, id))) throw notFound('Response', id)
  const items = await deps.responses.listInput(caller.workspaceId, id, page)
  if (!items) throw invalid('after, before: there is no such item here', page.after === undefined ? 'before' : 'after')
  return presentPage(items, page.limit)
}
