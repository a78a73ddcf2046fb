import { type Route, route } from '@jan/service-kit/route'
import type { Deps } from '../deps.ts'
import type { OfferedModel } from './build-offer.ts'
import { Model, ModelList, ModelParams } from './model.schema.ts'
import { requireModel } from './require-model.ts'

export const modelRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'list_models',
    method: 'get',
    path: '/v1/models',
    summary: 'List the models on offer',
    description: 'What the provider offered when it last answered, and further names for these models.',
    auth: 'person',
    answers: { 200: ModelList },
    handler: async () => ({ object: 'list' as const, data: (await deps.models.list()).map(presentModel) }),
  }),
  route({
    operation: 'get_model',
    method: 'get',
    path: '/v1/models/{id+}',
    summary: 'Get one model',
    auth: 'person',
    params: ModelParams,
    answers: { 200: Model },
    handler: async ({ params }) => presentModel(await requireModel(deps, params.id)),
  }),
]

const presentModel = (model: OfferedModel) => ({
  id: model.id,
  object: 'model' as const,
  created: Math.floor(model.createdAt.getTime() / 1000),
  owned_by: model.ownedBy,
})
