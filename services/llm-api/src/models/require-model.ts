import { AppError } from '@jan/service-kit/errors'
import type { Deps } from '../deps.ts'
import type { OfferedModel } from './build-offer.ts'

/** @throws AppError `not_found` naming the model, in the words that OpenAI clients know */
export async function requireModel(deps: Pick<Deps, 'models'>, name: string): Promise<OfferedModel> {
  const model = await deps.models.find(name)
  if (model) return model
  throw new AppError('not_found', `The model '${name}' does not exist`, { wireCode: 'model_not_found', param: 'model' })
}
