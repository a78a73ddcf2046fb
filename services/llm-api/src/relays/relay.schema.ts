import { z } from 'zod'

/** Only what we use is checked. Every other field is the model's business. */
const request = <S extends z.core.$ZodLooseShape>(id: string, shape: S) =>
  z
    .looseObject({
      model: z.string().nullish().describe('One of GET /v1/models; the default model of this server when absent'),
      ...shape,
    })
    .meta({ id, description: 'Further fields go to the model as they are' })

const nullableBoolean = z.boolean().nullish()

export const CompletionRequest = request('CompletionRequest', {
  prompt: z.unknown().describe('Text, or a list of texts or tokens'),
  stream: nullableBoolean,
  stream_options: z.looseObject({ include_usage: nullableBoolean }).nullish(),
  max_tokens: z.int().nullish(),
})
export const EmbeddingRequest = request('EmbeddingRequest', {
  input: z.unknown().describe('Text, or a list of texts or tokens'),
})
export const RerankRequest = request('RerankRequest', { query: z.unknown(), documents: z.array(z.unknown()) })
export const ModerationRequest = request('ModerationRequest', { input: z.unknown() })
export const ImageRequest = request('ImageRequest', { prompt: z.string(), stream: nullableBoolean })
export const SpeechRequest = request('SpeechRequest', { input: z.string() })

export const Relayed = z.looseObject({}).meta({ id: 'Relayed', description: 'As the provider sent it' })
