import { OpenAiError } from './openai-error.ts'

export const modelId = 'jan-simulator'

/** What `GET /v1/models/{id}` answers; `owned_by` says that nothing thinks here. */
export const model = { id: modelId, object: 'model', created: 0, owned_by: 'jan-simulator (scripted, not a model)' }

/** Throws 404 `model_not_found` for any other model, 400 when none is named. */
export function requireModel(id: unknown): void {
  if (typeof id !== 'string') throw new OpenAiError(400, 'You must name a model.', null, 'model')
  if (id !== modelId) throw new OpenAiError(404, `The model \`${id}\` does not exist.`, 'model_not_found', 'model')
}
