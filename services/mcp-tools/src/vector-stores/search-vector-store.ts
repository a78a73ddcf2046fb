import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { type Answer, queryDocuments } from '../documents/query-documents.ts'
import { attributesOf } from './present-file.ts'
import { useVectorStore } from './require-vector-store.ts'
import type { SearchVectorStore } from './vector-store.schema.ts'

type Needs = Pick<Deps, 'collections' | 'documents' | 'documentSettings' | 'llmApi' | 'now'>

/** How many questions of one search are looked for together. */
const AT_ONCE = 2

/** The pieces of a store's files that fit a question, or one of several, best. */
export async function searchVectorStore(deps: Needs, who: Who, { id, ...input }: SearchVectorStore & { id: string }) {
  const { id: collectionId } = await useVectorStore(deps, who, id)
  const queries = [input.query].flat()
  const filter = { collectionId, attributes: input.filters ?? undefined }
  const most = input.max_num_results
  const answers: Answer[] = []
  for (let at = 0; at < queries.length; at += AT_ONCE) {
    const some = queries.slice(at, at + AT_ONCE).map((query) => queryDocuments(deps, who, { query, filter, most }))
    answers.push(...(await Promise.all(some)))
  }
  const least = input.ranking_options?.score_threshold ?? 0
  const hits = answers
    .flatMap((answer) => answer.hits)
    .filter(({ score }) => score >= least)
    .sort((one, other) => other.score - one.score)
  const places = new Map(hits.toReversed().map((hit) => [`${hit.document.key} ${hit.start}`, hit]))
  const best = hits.filter((hit) => places.get(`${hit.document.key} ${hit.start}`) === hit).slice(0, most)
  return {
    object: 'vector_store.search_results.page',
    search_query: queries,
    data: best.map(({ document, score, text }) => ({
      file_id: document.id,
      filename: document.title,
      score,
      attributes: attributesOf(document),
      content: [{ type: 'text' as const, text }],
    })),
    has_more: false as const,
    next_page: null,
  }
}
