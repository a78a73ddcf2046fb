import { AppError, unavailable } from '@jan/service-kit/errors'
import { z } from 'zod'

const TIMEOUT_MS = 10_000

const Results = z.looseObject({
  results: z
    .array(z.looseObject({ document_id: z.string(), score: z.number(), text_preview: z.string().default('') }))
    .nullish(),
})

export type ServiceHit = { documentId: string; score: number; preview: string }

/** The HTTP service at VECTOR_STORE_URL: one namespace for everybody, kept in its memory. */
export type SearchService = {
  /** One of the same id is replaced. @throws AppError */
  index(document: { id: string; text: string; tags: string[]; metadata: Record<string, unknown> }): Promise<void>
  /** Best first, 20 at most. @throws AppError */
  query(asked: { text: string; most: number; ids: string[] }): Promise<ServiceHit[]>
}

export function createSearchService(baseUrl: string): SearchService {
  const post = async (path: string, body: unknown): Promise<unknown> => {
    const response = await fetch(`${baseUrl.replace(/\/+$/, '')}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch((error: unknown) => {
      throw unavailable('The service that searches documents is not reachable right now', error)
    })
    const text = await response.text()
    if (!response.ok)
      throw new AppError('upstream_failed', 'The service that searches documents refused', {
        cause: new Error(`${response.status} ${text.slice(0, 500)}`),
      })
    return JSON.parse(text)
  }
  return {
    index: async ({ id, ...document }) => void (await post('/documents', { document_id: id, ...document })),
    query: async ({ text, most, ids }) => {
      const { results } = Results.parse(await post('/query', { text, top_k: most, document_ids: ids }))
      return (results ?? []).map((each) => ({
        documentId: each.document_id,
        score: each.score,
        preview: each.text_preview,
      }))
    },
  }
}
