import { fileURLToPath } from 'node:url'
import type { Logger } from '@jan/service-kit/logger'
import type { Redis } from '@jan/service-kit/redis'
import { createCache } from '../cache/cache.ts'
import type { Config } from '../config.ts'
import type { DocumentStore } from '../documents/document.store.ts'
import { type FoundDocument, searchDocuments } from '../documents/search-documents.ts'
import { DOCS_PAGES } from './docs.routes.ts'
import { createSearchMemory } from './engine-cache.ts'
import { createEngines, orderEngines } from './engine-order.ts'
import { createOfflineEngine } from './offline-engine.ts'
import type { EngineName, FoundPage } from './search-engine.ts'
import type { SearchDeps } from './search-web.ts'
import { createShippedDocs, type ShippedDocs } from './shipped-docs.ts'

export type SearchSettings = Omit<SearchDeps, 'clock' | 'log'> & { docs: ShippedDocs }

type Parts = { documents: DocumentStore; publicUrl: string; redis: Redis | undefined; log: Logger }

const DOCS = fileURLToPath(new URL('../../../../docs', import.meta.url))
const CACHE = { name: 'search', maxEntryChars: 256 << 10, maxChars: 8 << 20 }

/** What searches need, from the configuration. */
export function createSearch(config: Config['search'], { documents, publicUrl, redis, log }: Parts): SearchSettings {
  const { engines, serperKey, searxngUrl } = config
  const ready: EngineName[] = [...(serperKey ? ['serper' as const] : []), ...(searxngUrl ? ['searxng' as const] : [])]
  const order = orderEngines(engines, ready)
  const missing = order.filter((name) => name !== 'offline' && !ready.includes(name))
  if (missing.length > 0)
    log.warn({ engines: missing }, 'MCP_SEARCH_ENGINE names engines without a key or URL; they will be passed over')
  const baseUrl = (config.docsUrl ?? publicUrl.replace(/\/$/, '') + DOCS_PAGES).replace(/\/$/, '')
  const docs = createShippedDocs({ folder: DOCS, baseUrl })
  const offlineEngine = createOfflineEngine({
    searchDocuments: async (workspaceId, query, most) =>
      (await searchDocuments({ documents }, workspaceId, query, most)).map(presentDocument),
    docs,
  })
  return {
    engines: createEngines({
      order,
      serper: serperKey && { apiKey: serperKey.reveal() },
      searxng: searxngUrl === undefined ? undefined : { url: searxngUrl },
      offline: offlineEngine,
    }),
    offlineEngine,
    docs,
    memory: createSearchMemory(createCache({ ...CACHE, redis }), config.cacheMs),
    domains: config.domains.length > 0 ? config.domains : undefined,
    locationHint: config.locationHint,
    offline: config.offline,
  }
}

/** An indexed page is found where it came from, anything else by its name here. */
function presentDocument({ document: { id, title, source }, preview }: FoundDocument): FoundPage {
  const ofMedia = source?.startsWith('jan_') ? `jan://media/${source}` : undefined
  const url = source && /^https?:/.test(source) ? source : (ofMedia ?? `jan://documents/${encodeURIComponent(id)}`)
  return { title: title || id, url, snippet: preview }
}
