import { AppError } from '@jan/service-kit/errors'
import type { Deps } from '../deps.ts'
import type { Asking } from './asking.ts'

/** How many texts one request holds. */
const AT_ONCE = 64
const TIMEOUT_MS = 20_000

type Answer = { data?: { index?: number; embedding?: unknown }[] }

/**
 * Vectors of length 1, in the order of the texts, made by llm-api for the caller: their rights, their budget.
 * @throws AppError when there are none; the reason of the signal when that was aborted
 */
export async function embedTexts(
  { llmApi }: Pick<Deps, 'llmApi'>,
  asking: Asking,
  { model, texts }: { model: string; texts: string[] },
): Promise<number[][]> {
  const vectors: number[][] = []
  for (let at = 0; at < texts.length; at += AT_ONCE) {
    const input = texts.slice(at, at + AT_ONCE)
    const answer = await llmApi.json<Answer>({
      method: 'POST',
      path: '/v1/embeddings',
      caller: asking.caller,
      requestId: asking.requestId,
      signal: asking.signal,
      json: { model, input, encoding_format: 'float' },
      timeoutMs: TIMEOUT_MS,
    })
    vectors.push(...vectorsOf(answer, input.length))
  }
  if (new Set(vectors.map(({ length }) => length)).size > 1) throw wrong('vectors of different lengths')
  return vectors
}

function vectorsOf({ data = [] }: Answer, count: number): number[][] {
  const sorted = data
    .map((row, nth) => ({ ...row, place: row.index ?? nth }))
    .sort((one, other) => one.place - other.place)
  const vectors = sorted.map(({ embedding }) => embedding)
  if (vectors.length !== count || !vectors.every(isVector)) throw wrong('something else than a vector for each text')
  return vectors.map(ofLengthOne)
}

const isVector = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length > 0 && value.every((each) => Number.isFinite(each))

function ofLengthOne(vector: number[]): number[] {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
  return length === 0 ? vector : vector.map((value) => value / length)
}

const wrong = (what: string) => new AppError('upstream_failed', `The embedding model answered with ${what}`)
