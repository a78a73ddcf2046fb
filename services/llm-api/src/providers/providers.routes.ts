import { empty, json, NOT_STORED } from '@jan/service-kit/answer'
import { AppError } from '@jan/service-kit/errors'
import { type Route, route } from '@jan/service-kit/route'
import { noteAct } from '../audit/note-act.ts'
import type { Deps } from '../deps.ts'
import { presentModel } from '../models/present-model.ts'
import { createProvider } from './create-provider.ts'
import { presentProvider, presentPublicProvider } from './present-provider.ts'
import {
  AdminProvider,
  AdminProviderList,
  ConnectionTest,
  CreateProvider,
  NewProvider,
  ProviderParams,
  PublicProviderList,
  UpdateProvider,
} from './provider.schema.ts'
import { reasonOf } from './require-base-url.ts'
import { requireOwnProvider, requireProvider } from './require-provider.ts'
import { testProvider } from './test-provider.ts'
import { updateProvider } from './update-provider.ts'

const ADMIN = { auth: 'person', role: 'admin', scope: 'admin' } as const

export const providerRoutes = (deps: Deps): Route[] => [
  ...readingRoutes(deps),
  ...changingRoutes(deps),
  ...askingRoutes(deps),
]

const readingRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'list_public_providers',
    method: 'get',
    path: '/v1/models/providers',
    summary: 'Who serves the models',
    description: 'Without addresses, keys and notes of the operator.',
    auth: 'person',
    answers: { 200: PublicProviderList },
    handler: async () => {
      await deps.models.list()
      const active = deps.models.providers().filter((each) => each.active)
      return { object: 'list' as const, data: active.map(presentPublicProvider) }
    },
  }),
  route({
    operation: 'list_providers',
    method: 'get',
    path: '/v1/admin/providers',
    summary: 'All providers, and how they are',
    ...ADMIN,
    answers: { 200: AdminProviderList },
    handler: async () => {
      await deps.models.reload()
      const counts = await deps.modelStores.providers.counts()
      return deps.models.providers().map((provider) => ({
        ...presentProvider(provider),
        model_count: counts.get(provider.id)?.models ?? 0,
        model_active_count: counts.get(provider.id)?.active ?? 0,
      }))
    },
  }),
  route({
    operation: 'get_provider',
    method: 'get',
    path: '/v1/admin/providers/{id}',
    summary: 'One provider, and how it is',
    ...ADMIN,
    params: ProviderParams,
    answers: { 200: AdminProvider },
    handler: async ({ params }) => {
      await deps.models.reload()
      return presentProvider(await requireProvider(deps, params.id))
    },
  }),
]

const changingRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'create_provider',
    method: 'post',
    path: '/v1/admin/providers',
    summary: 'Add a provider',
    description:
      'It is asked for its models first: when that fails nothing is added. Its address must be public, or one that the operator allowed (OUTBOUND_ALLOW).',
    ...ADMIN,
    body: CreateProvider,
    answers: { 200: NewProvider },
    idempotent: true,
    handler: async ({ body, who, address }) => {
      const { id, kind, name } = await createProvider(deps, who, body)
      await noteAct(deps, { who, address }, { act: 'provider.created', target: id, details: { kind, name } })
      const models = (await deps.models.list()).filter(({ deployments }) =>
        deployments.some(({ providerId }) => providerId === id),
      )
      const provider = presentProvider(await requireProvider(deps, id))
      return json({ ...provider, models: models.map(presentModel) }, { headers: NOT_STORED })
    },
  }),
  route({
    operation: 'update_provider',
    method: 'patch',
    path: '/v1/admin/providers/{id}',
    summary: 'Change a provider',
    description: "The operator's own are changed where he named them: 409.",
    ...ADMIN,
    params: ProviderParams,
    body: UpdateProvider,
    answers: { 200: AdminProvider },
    handler: async ({ params, body, who, address }) => {
      const changed = await updateProvider(deps, params.id, body)
      await noteAct(deps, { who, address }, { act: 'provider.changed', target: params.id, details: { changed } })
      return presentProvider(await requireProvider(deps, params.id))
    },
  }),
  route({
    operation: 'delete_provider',
    method: 'delete',
    path: '/v1/admin/providers/{id}',
    summary: 'Remove a provider and its models',
    ...ADMIN,
    params: ProviderParams,
    answers: { 204: null },
    handler: async ({ params, who, address }) => {
      const { name, kind } = await requireOwnProvider(deps, params.id)
      await deps.modelStores.providers.delete(params.id)
      await deps.models.changed()
      await noteAct(deps, { who, address }, { act: 'provider.deleted', target: params.id, details: { name, kind } })
      return empty()
    },
  }),
]

const askingRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'sync_provider',
    method: 'post',
    path: '/v1/admin/providers/{id}/sync',
    summary: 'Ask a provider for its models now',
    ...ADMIN,
    params: ProviderParams,
    answers: { 200: AdminProvider },
    handler: async ({ params }) => {
      const { operator, active } = await requireProvider(deps, params.id)
      if (!active) throw new AppError('conflict', 'The provider is switched off')
      if (operator?.syncs === false) throw new AppError('conflict', 'The file says that it is not asked (sync_models)')
      await deps.models.sync(params.id).catch((error: unknown) => {
        if (!(error instanceof AppError)) throw error
        throw new AppError('upstream_failed', reasonOf(error).message, { cause: error })
      })
      return presentProvider(await requireProvider(deps, params.id))
    },
  }),
  route({
    operation: 'test_provider',
    method: 'post',
    path: '/v1/admin/providers/{id}/test',
    summary: 'Try a connection to a provider',
    description: 'Tells whether it answers, how fast, or what failed. Nothing is changed.',
    ...ADMIN,
    params: ProviderParams,
    answers: { 200: ConnectionTest },
    handler: ({ params }) => testProvider(deps, params.id),
  }),
]
