import { hash } from 'node:crypto'
import { z } from 'zod'
import { modelId } from './model.ts'
import { tokensIn } from './tokens.ts'

const text = z.string().min(1)
const embeddingRequest = z.object({
  input: text.or(z.array(text).min(1)),
  encoding_format: z.enum(['float', 'base64']).default('float'),
  dimensions: z.int().min(1).max(4096).default(384),
})

/** Answers `POST /v1/embeddings`. The vectors have length 1; texts that share words are near each other. */
export function embed(body: unknown): object {
  const { input, encoding_format: format, dimensions } = embeddingRequest.parse(body)
  const texts = [input].flat()
  const data = texts.map((text, index) => {
    const vector = embedText(text, dimensions)
    const embedding = format === 'float' ? [...vector] : Buffer.from(vector.buffer).toString('base64')
    return { object: 'embedding', index, embedding }
  })
  const tokens = tokensIn(texts.join('').length)
  return { object: 'list', data, model: modelId, usage: { prompt_tokens: tokens, total_tokens: tokens } }
}

/** A vector of length 1, in which each word counts at a place that its hash chooses (feature hashing). */
export function embedText(text: string, dimensions: number): Float32Array<ArrayBuffer> {
  const vector = new Float32Array(dimensions)
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [text]
  for (const word of words) vector[hash('sha256', word, 'buffer').readUInt32LE() % dimensions]! += 1
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}
