import type { SearchQuery } from './conversation.schema.ts'
import type { ConversationFilter } from './conversation.store.ts'

type Asked = Pick<SearchQuery, 'status' | 'project_id' | 'referrer'>

/** What is asked for with nothing in it is not asked for. */
export const filterOf = ({ status, project_id: projectId, referrer }: Asked): ConversationFilter => ({
  status: status === 'all' ? undefined : status,
  projectId: projectId || undefined,
  referrer: referrer || undefined,
})
