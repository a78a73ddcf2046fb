import { createDocumentStore, type DocumentStore, type DocumentStoreDeps } from './document.store.ts'
import { createSearchService } from './search-service.client.ts'
import { createServiceDocumentStore } from './service-document-store.ts'

/** In PostgreSQL; searched there, or by the service that the operator names. */
export function openDocuments({
  serviceUrl,
  ...deps
}: DocumentStoreDeps & { serviceUrl: string | undefined }): DocumentStore {
  const documents = createDocumentStore(deps)
  return serviceUrl === undefined ? documents : createServiceDocumentStore(documents, createSearchService(serviceUrl))
}
