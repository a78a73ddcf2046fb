import { toAppError } from '@jan/service-kit/errors'
import type { Deps } from '../deps.ts'
import type { Asking } from './asking.ts'
import type { Found } from './document.store.ts'
import type { DocumentFilter, Hit } from './document.ts'
import { embedTexts } from './embed-texts.ts'
import { previewOf } from './preview-of.ts'
import { storable } from './storable.ts'

export type QueryDeps = Pick<Deps, 'llmApi' | 'documents' | 'documentSettings'>

/** A hit with the words around it, which begin `at` in the hit's text. */
export type ShownHit = Hit & { preview: string; previewStart: number }

export type Answer = {
  hits: ShownHit[]
  ranking: Found['ranking']
  /** Why words alone decided although there is a model for more. */
  notice: string | undefined
}

/** The pieces of the caller's documents that fit a question best. */
export async function queryDocuments(
  deps: QueryDeps,
  asking: Asking,
  { query, filter, most }: { query: string; filter: DocumentFilter; most: number },
): Promise<Answer> {
  const question = storable(query)
  const { vector, notice } = await tryToEmbed(deps, asking, question)
  const { workspaceId } = asking.caller
  const { hits, asked, ranking } = await deps.documents.search(workspaceId, { query: question, filter, vector }, most)
  const shown = hits.map((hit) => {
    const { preview, at } = previewOf(hit.text, asked)
    return { ...hit, preview, previewStart: hit.start + at }
  })
  return { hits: shown, ranking, notice }
}

async function tryToEmbed(deps: QueryDeps, asking: Asking, query: string) {
  const model = deps.documentSettings.embeddingModel
  if (model === undefined) return { vector: undefined, notice: undefined }
  try {
    const [values] = await embedTexts(deps, asking, { model, texts: [query] })
    return { vector: { model, values: values! }, notice: undefined }
  } catch (error) {
    asking.signal.throwIfAborted()
    asking.log.warn({ err: error, model }, 'documents are searched without vectors')
    const notice = `Ranked by words only, because the embedding model failed: ${toAppError(error).message}`
    return { vector: undefined, notice }
  }
}
