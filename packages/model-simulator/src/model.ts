import { OpenAiError } from './openai-error.ts'

export const modelId = 'jan-simulator'
export const model = { id: modelId, object: 'model', created: 0, owned_by: 'jan-simulator (scripted, not a model)' }

/** Throws 404 `model_not_found` for every other model, 400 without one. */
export function requireModel(id: unknown): typeof model {
  if (id === modelId) return model
  if (typeof id !== 'string') throw new OpenAiError(400, 'model: expected a text', { param: 'model' })
  throw new OpenAiError(404, `The model \`${id}\` does not exist.`, { code: 'model_not_found', param: 'model' })
}
