import { z } from 'zod'
import { embedText } from './embeddings.ts'
import { modelId } from './model.ts'
import { tokensIn } from './tokens.ts'

const text = z.string().min(1)
const rerankRequest = z.object({
  query: text,
  documents: z.array(text.or(z.object({ text }))).min(1),
  top_n: z.int().min(1).nullish(),
  return_documents: z.boolean().nullish(),
})

/** Answers `POST /v1/rerank` as vLLM and Jina do: the documents that share most words with the query come first. */
export function rerank(body: unknown): object {
  const { query, documents, top_n: top, return_documents: isReturned } = rerankRequest.parse(body)
  const texts = documents.map((document) => (typeof document === 'string' ? document : document.text))
  const asked = embedText(query, 384)
  const results = texts.map((text, index) => {
    const score = embedText(text, 384).reduce((sum, value, at) => sum + value * asked[at]!, 0)
    return { index, relevance_score: score, ...(isReturned !== false && { document: { text } }) }
  })
  results.sort((one, other) => other.relevance_score - one.relevance_score)
  const tokens = tokensIn([query, ...texts].join('').length)
  const usage = { prompt_tokens: tokens, total_tokens: tokens }
  return { object: 'list', model: modelId, results: results.slice(0, top ?? texts.length), usage }
}
