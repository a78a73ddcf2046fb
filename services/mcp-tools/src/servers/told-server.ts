import type { ServerRow } from './servers.store.ts'

/** What an export tells of a server: all but its secrets. */
export const fieldsTold = (row: ServerRow) => ({
  id: row.id,
  name: row.name,
  description: row.description,
  type: row.type,
  url: row.url,
  auth: row.auth,
  header_names: row.headerNames,
  enabled: row.enabled,
  created_at: row.createdAt.toISOString(),
})
