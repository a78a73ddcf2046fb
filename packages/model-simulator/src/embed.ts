import { modelId } from './models.ts'
import { check } from './openai-error.ts'

const defaultDimensions = 384

/** Answers `POST /v1/embeddings`. The vectors have length 1; texts that share words are near each other. */
export function embed(body: Record<string, unknown>) {
  const { input, encoding_format: format = 'float', dimensions = defaultDimensions } = body
  const texts = readInput(input)
  check(format === 'float' || format === 'base64', 'encoding_format must be float or base64.', 'encoding_format')
  const size = Number(dimensions)
  check(Number.isInteger(dimensions) && size > 0 && size <= 4096, 'dimensions must be from 1 to 4096.', 'dimensions')
  const data = texts.map((text, index) => {
    const vector = embedText(text, size)
    const embedding = format === 'float' ? [...vector] : Buffer.from(vector.buffer).toString('base64')
    return { object: 'embedding', index, embedding }
  })
  const tokens = texts.reduce((sum, text) => sum + Math.ceil(text.length / 4), 0)
  return { object: 'list', data, model: modelId, usage: { prompt_tokens: tokens, total_tokens: tokens } }
}

/** A text, a list of texts, a list of token numbers, or a list of such lists. */
function readInput(input: unknown): string[] {
  const isTokens = (value: unknown) => Array.isArray(value) && value.length > 0 && value.every(Number.isInteger)
  const list: unknown[] = Array.isArray(input) && !isTokens(input) ? input : [input]
  const valid = list.every((entry) => (typeof entry === 'string' && entry !== '') || isTokens(entry))
  check(list.length > 0 && list.length <= 2048 && valid, 'input must be 1 to 2048 texts or token lists.', 'input')
  return list.map(String)
}

/** Each word adds or takes 1 at a place its hash chooses (feature hashing). */
function embedText(text: string, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions)
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [text]) {
    let hash = 0x811c9dc5
    for (let at = 0; at < word.length; at++) hash = Math.imul(hash ^ word.charCodeAt(at), 0x01000193)
    const place = (hash >>> 1) % dimensions
    vector[place] = vector[place]! + (hash & 1 ? 1 : -1)
  }
  const length = Math.hypot(...vector)
  if (length === 0) vector[0] = 1
  return length === 0 ? vector : vector.map((value) => value / length)
}
