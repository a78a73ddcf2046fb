import { json } from '@jan/service-kit/answer'
import { type Route, route } from '@jan/service-kit/route'
import type { Deps } from '../deps.ts'
import { callerHeaders } from '../identity/present-caller.ts'
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
    handler: async ({ who }) =>
      json(
        { object: 'list' as const, data: (await deps.models.list()).map(presentModel) },
        { headers: callerHeaders(who.caller) },
      ),
  }),
  route({
    operation: 'get_model',
    method: 'get',
    path: '/v1/models/{id+}',
    summary: 'Get one model',
    auth: 'person',
    params: ModelParams,
    answers: { 200: Model },
    handler: async ({ params, who }) =>
      json(presentModel(await requireModel(deps, params.id)), { headers: callerHeaders(who.caller) }),
  }),
]

const presentModel = (model: OfferedModel) => ({
  id: model.id,
  object: 'model' as const,
  created: Math.floor(model.createdAt.getTime() / 1000),
  owned_by: model.ownedBy,
})
