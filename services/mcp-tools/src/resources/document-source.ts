import type { Resource } from '@modelcontextprotocol/server'
import type { Deps } from '../deps.ts'
import type { Document } from '../documents/document.ts'
import { DOCUMENT_PREFIX, documentUri } from '../documents/document-uri.ts'
import { listDocuments } from '../documents/list-documents.ts'
import { readDocument } from '../documents/read-document.ts'
import type { ResourceSource } from './resource-source.ts'

const PREFIX = DOCUMENT_PREFIX
const PAGE = 50
const KEY = /^\d{1,18}$/

/** What the reader's workspace has indexed, as text. Of documents with one id in several collections the newest is read. */
export const createDocumentSource = (deps: Pick<Deps, 'documents'>): ResourceSource => ({
  prefix: PREFIX,
  templates: [
    {
      uriTemplate: `${PREFIX}{id}`,
      name: 'document',
      title: 'An indexed document',
      description: 'By the id it was indexed under',
      mimeType: 'text/plain',
    },
  ],
  async list({ caller }, cursor) {
    const after = cursor !== undefined && KEY.test(cursor) ? BigInt(cursor) : undefined
    const { documents, next } = await listDocuments(deps, caller.workspaceId, { limit: PAGE, after })
    const resources = documents.map(presentResource)
    return { resources, ...(next === undefined ? {} : { nextCursor: String(next) }) }
  },
  async read({ caller }, uri) {
    const id = decodeId(uri.slice(PREFIX.length))
    const found = id === undefined ? undefined : await readDocument(deps, caller.workspaceId, id)
    return found && [{ uri, mimeType: 'text/plain', text: found.text }]
  },
})

const presentResource = ({ id, title, bytes, indexedAt }: Document): Resource => ({
  uri: documentUri(id),
  name: id,
  title,
  mimeType: 'text/plain',
  size: bytes,
  annotations: { lastModified: indexedAt.toISOString() },
})

function decodeId(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}
