import type { Changes } from '../mcp/changes.ts'
import { createDocumentStore, type DocumentStore, type DocumentStoreDeps } from './document.store.ts'
import { createSearchService } from './search-service.client.ts'
import { createServiceDocumentStore } from './service-document-store.ts'
import { tellDocumentChanges } from './tell-document-changes.ts'

type Options = DocumentStoreDeps & { serviceUrl: string | undefined; changes: Pick<Changes, 'publish'> }

/** In PostgreSQL; searched there, or by the service that the operator names. */
export function openDocuments({ serviceUrl, changes, ...deps }: Options): DocumentStore {
  const local = createDocumentStore(deps)
  const documents =
    serviceUrl === undefined ? local : createServiceDocumentStore(local, createSearchService(serviceUrl))
  return tellDocumentChanges(documents, changes)
}
