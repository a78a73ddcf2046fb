import { hash } from 'node:crypto'
import { z } from 'zod'
import { modelId } from './model.ts'

const CATEGORIES =
  'harassment harassment/threatening hate hate/threatening illicit illicit/violent self-harm self-harm/instructions self-harm/intent sexual sexual/minors violence violence/graphic'.split(
    ' ',
  )
const moderationRequest = z.object({ input: z.string().or(z.array(z.string()).min(1)) })

/** Answers `POST /v1/moderations`. A script judges nothing: a text is flagged for the categories that it names. */
export function moderate(body: unknown): object {
  const texts = [moderationRequest.parse(body).input].flat()
  const results = texts.map((text) => {
    const named = CATEGORIES.map((category) => [category, text.toLowerCase().includes(category)] as const)
    return {
      flagged: named.some(([, isNamed]) => isNamed),
      categories: Object.fromEntries(named),
      category_scores: Object.fromEntries(named.map(([category, isNamed]) => [category, isNamed ? 1 : 0])),
    }
  })
  return { id: `modr-${hash('sha256', JSON.stringify(texts)).slice(0, 24)}`, model: modelId, results }
}
