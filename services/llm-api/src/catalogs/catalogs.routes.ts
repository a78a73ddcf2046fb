import { type Route, route } from '@jan/service-kit/route'
import { noteAct } from '../audit/note-act.ts'
import type { Deps } from '../deps.ts'
import { presentOffsetPage, requireOffset, ToggleResult } from '../models/offset-page.ts'
import { requireModel } from '../models/require-model.ts'
import { Catalog, CatalogPage, CatalogParams, CatalogQuery, ToggleCatalogs, UpdateCatalog } from './catalog.schema.ts'
import type { CatalogRow } from './catalog.store.ts'
import { presentAdminCatalog, presentCatalog, UNTOLD } from './present-catalog.ts'
import { toggleCatalogs } from './toggle-catalogs.ts'
import { requireCatalog, updateCatalog } from './update-catalog.ts'

const ADMIN = { auth: 'person', role: 'admin', scope: 'admin' } as const

export const catalogRoutes = (deps: Deps): Route[] => {
  const syncedAt = ({ listedBy }: Pick<CatalogRow, 'listedBy'>) =>
    deps.models.providers().find(({ id }) => id === listedBy)?.syncedAt ?? null
  return [
    route({
      operation: 'get_model_catalog',
      method: 'get',
      path: '/v1/models/catalogs/{id+}',
      summary: 'What is known of a model',
      auth: 'person',
      params: CatalogParams,
      answers: { 200: Catalog },
      handler: async ({ params }) => {
        const { id, createdAt } = await requireModel(deps, params.id)
        const row = (await deps.modelStores.catalogs.get(id)) ?? untold(id, createdAt)
        return presentCatalog(row, syncedAt(row))
      },
    }),
    route({
      operation: 'list_model_catalogs',
      method: 'get',
      path: '/v1/admin/models/catalogs',
      summary: 'What is known of all models',
      ...ADMIN,
      query: CatalogQuery,
      answers: { 200: CatalogPage },
      handler: async ({ query }) => {
        const page = requireOffset(query)
        const { status, is_moderated: isModerated, active } = query
        const { rows, total } = await deps.modelStores.catalogs.page({ status, isModerated, active }, page)
        const data = rows.map((row) => presentAdminCatalog(row, syncedAt(row)))
        return presentOffsetPage(data, total, page)
      },
    }),
    route({
      operation: 'get_admin_model_catalog',
      method: 'get',
      path: '/v1/admin/models/catalogs/{id+}',
      summary: 'What is known of a model, also of one that is not offered',
      ...ADMIN,
      params: CatalogParams,
      answers: { 200: Catalog },
      handler: async ({ params }) => {
        const row = await requireCatalog(deps, params.id)
        return presentAdminCatalog(row, syncedAt(row))
      },
    }),
    ...changingRoutes(deps, syncedAt),
  ]
}

const changingRoutes = (deps: Deps, syncedAt: (row: CatalogRow) => Date | null): Route[] => [
  route({
    operation: 'toggle_model_catalogs',
    method: 'post',
    path: '/v1/admin/models/catalogs/bulk-toggle',
    summary: 'Switch models on or off, whoever serves them',
    description:
      'Off takes their provider models along. On leaves those as they are: they are switched on by themselves, and count as skipped.',
    ...ADMIN,
    body: ToggleCatalogs,
    answers: { 200: ToggleResult },
    handler: async ({ body, who, address }) => {
      const result = await toggleCatalogs(deps, body)
      await noteAct(deps, { who, address }, { act: 'catalogs.toggled', details: { ...body, ...result } })
      return result
    },
  }),
  route({
    operation: 'update_model_catalog',
    method: 'patch',
    path: '/v1/admin/models/catalogs/{id+}',
    summary: 'Say something else of a model than its providers do',
    description: 'It stays when they are asked again; `reset` takes it back.',
    ...ADMIN,
    params: CatalogParams,
    body: UpdateCatalog,
    answers: { 200: Catalog },
    handler: async ({ params, body, who, address }) => {
      const row = await updateCatalog(deps, params.id, body)
      const details = { changed: Object.keys(body), reset: body.reset ?? [] }
      await noteAct(deps, { who, address }, { act: 'catalog.changed', target: row.id, details })
      return presentAdminCatalog(row, syncedAt(row))
    },
  }),
]

/** The operator names it, and its provider has not answered yet. */
const untold = (id: string, at: Date): CatalogRow => ({
  id,
  listed: UNTOLD,
  listedBy: null,
  filled: false,
  edits: {},
  active: true,
  createdAt: at,
  updatedAt: at,
})
