import { type Route, route } from '@jan/service-kit/route'
import { z } from 'zod'
import { noteAct } from '../audit/note-act.ts'
import type { Deps } from '../deps.ts'
import { requireProvider } from '../providers/require-provider.ts'
import {
  ProviderModel,
  ProviderModelPage,
  ProviderModelQuery,
  ToggleProviderModels,
  UpdateProviderModel,
} from './model.schema.ts'
import { presentOffsetPage, requireOffset, ToggleResult } from './offset-page.ts'
import { presentProviderModel } from './present-model.ts'
import { requireProviderModel, updateProviderModel } from './update-provider-model.ts'

const ADMIN = { auth: 'person', role: 'admin', scope: 'admin' } as const
const Params = z.object({ id: z.string() })

export const providerModelRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'list_provider_models',
    method: 'get',
    path: '/v1/admin/models/provider-models',
    summary: 'Models, by provider',
    ...ADMIN,
    query: ProviderModelQuery,
    answers: { 200: ProviderModelPage },
    handler: async ({ query }) => {
      const page = requireOffset(query)
      const { model_key: publicId, active, supports_images: supportsImages } = query
      const providerIds = await providerIdsOf(deps, query.provider_id)
      const { rows, total } = await deps.modelStores.models.page(
        { providerIds, publicId, active, supportsImages },
        page,
      )
      const byId = new Map(deps.models.providers().map((provider) => [provider.id, provider]))
      const data = rows.map((row) => presentProviderModel(row, byId.get(row.providerId)!))
      return presentOffsetPage(data, total, page)
    },
  }),
  route({
    operation: 'get_provider_model',
    method: 'get',
    path: '/v1/admin/models/provider-models/{id}',
    summary: 'One model at one provider',
    ...ADMIN,
    params: Params,
    answers: { 200: ProviderModel },
    handler: async ({ params }) => {
      const row = await requireProviderModel(deps, params.id)
      return presentProviderModel(row, await requireProvider(deps, row.providerId))
    },
  }),
  route({
    operation: 'update_provider_model',
    method: 'patch',
    path: '/v1/admin/models/provider-models/{id}',
    summary: 'Say something else of a model than its provider does',
    description: 'It stays when the provider is asked again; `reset` takes it back.',
    ...ADMIN,
    params: Params,
    body: UpdateProviderModel,
    answers: { 200: ProviderModel },
    handler: async ({ params, body, who, address }) => {
      const row = await updateProviderModel(deps, params.id, body)
      const details = { changed: Object.keys(body), reset: body.reset ?? [] }
      await noteAct(deps, { who, address }, { act: 'provider_model.changed', target: params.id, details })
      return presentProviderModel(row, await requireProvider(deps, row.providerId))
    },
  }),
  route({
    operation: 'toggle_provider_models',
    method: 'post',
    path: '/v1/admin/models/provider-models/bulk-toggle',
    summary: 'Switch models on or off together',
    description: 'Models whose catalog is switched off stay off, and count as skipped.',
    ...ADMIN,
    body: ToggleProviderModels,
    answers: { 200: ToggleResult },
    handler: async ({ body, who, address }) => {
      const { enable, except_models: except, provider_id: providerId } = body
      const providerIds = await providerIdsOf(deps, providerId)
      const { updated, checked } = await deps.modelStores.models.toggle({ enable, providerIds, except })
      await deps.models.changed()
      const details = { enable, except, updated, ...(providerId ? { provider_id: providerId } : {}) }
      await noteAct(deps, { who, address }, { act: 'provider_models.toggled', details })
      return { updated_count: updated, skipped_count: checked - updated, failed_count: 0, total_checked: checked }
    },
  }),
]

/** Those that this process knows, or the one that is asked for. @throws AppError `not_found` */
async function providerIdsOf(deps: Pick<Deps, 'models'>, id: string | undefined): Promise<string[]> {
  if (id === undefined) {
    await deps.models.reload()
    return deps.models.providers().map((provider) => provider.id)
  }
  return [(await requireProvider(deps, id)).id]
}
