import { AppError } from '@jan/service-kit/errors'
import { type Route, route } from '@jan/service-kit/route'
import { z } from 'zod'
import { noteAct } from '../audit/note-act.ts'
import type { Deps } from '../deps.ts'

const Settings = z
  .looseObject({
    object: z.literal('workspace.settings'),
    record_payloads: z
      .boolean()
      .describe('Whether what you ask models, and what they answer, may be written into the traces of this server'),
  })
  .meta({ id: 'WorkspaceSettings' })

const UpdateSettings = z
  .looseObject({ record_payloads: z.boolean().optional() })
  .meta({ id: 'UpdateWorkspaceSettings' })

export const workspaceSettingsRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'get_settings',
    method: 'get',
    path: '/v1/me/settings',
    summary: 'What you have chosen',
    auth: 'person',
    scope: 'chat',
    answers: { 200: Settings },
    handler: async ({ who }) => presentSettings(await settingsOf(deps, who.caller.workspaceId)),
  }),
  route({
    operation: 'update_settings',
    method: 'patch',
    path: '/v1/me/settings',
    summary: 'Choose',
    description: 'It holds within seconds. API keys cannot choose for their person.',
    auth: 'person',
    scope: 'chat',
    body: UpdateSettings,
    answers: { 200: Settings },
    handler: async ({ body, who, address }) => {
      const { workspaceId, kind } = who.caller
      if (kind === 'key') throw new AppError('forbidden', 'An API key may not do this; sign in')
      const before = await settingsOf(deps, workspaceId)
      const settings = { recordPayloads: body.record_payloads ?? before.recordPayloads }
      if (settings.recordPayloads !== before.recordPayloads) {
        await deps.payloads.store.set(workspaceId, settings, deps.now())
        await deps.payloads.changed()
        await noteAct(
          deps,
          { who, address },
          { act: 'settings.changed', target: workspaceId, details: { ...settings } },
        )
      }
      return presentSettings(settings)
    },
  }),
]

const settingsOf = async ({ payloads }: Pick<Deps, 'payloads'>, workspaceId: string) =>
  (await payloads.store.find(workspaceId)) ?? { recordPayloads: false }

const presentSettings = ({ recordPayloads }: { recordPayloads: boolean }) => ({
  object: 'workspace.settings' as const,
  record_payloads: recordPayloads,
})
