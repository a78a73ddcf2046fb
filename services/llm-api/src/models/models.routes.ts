import { type Route, route } from '@jan/service-kit/route'
import type { Deps } from '../deps.ts'
import { Model, ModelList, ModelParams } from './model.schema.ts'
import { presentDeployments, presentModel } from './present-model.ts'
import { requireModel } from './require-model.ts'

/** Comes after the routes of catalogs and providers, whose paths it would else take for names of models. */
export const modelRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'list_models',
    method: 'get',
    path: '/v1/models',
    summary: 'List the models on offer',
    description:
      'What the providers offered when they last answered, and further names for these models. With the header `X-PROVIDER-DATA: true` one row for every provider that serves a model, with its name, and no aliases.',
    auth: 'person',
    answers: { 200: ModelList },
    tool: {
      description: 'Lists the language models that can be used here: their ids, sizes, prices and capabilities.',
    },
    handler: async ({ headers }) => {
      const models = await deps.models.list()
      const withProviders = headers['x-provider-data']?.trim().toLowerCase() === 'true'
      const named = models.filter(({ id }) => deps.models.known(id)?.id === id)
      const data = withProviders ? named.flatMap(presentDeployments) : models.map(presentModel)
      return { object: 'list' as const, data }
    },
  }),
  route({
    operation: 'get_model',
    method: 'get',
    path: '/v1/models/{id+}',
    summary: 'Get one model',
    description: 'By its public id, its provider’s name of it, its bare name or an alias, in any case of letters.',
    auth: 'person',
    params: ModelParams,
    answers: { 200: Model },
    tool: {},
    handler: async ({ params }) => {
      const model = await requireModel(deps, params.id)
      const listed = (await deps.models.list()).find(({ id }) => id === params.id)
      return presentModel(listed ?? model)
    },
  }),
]
