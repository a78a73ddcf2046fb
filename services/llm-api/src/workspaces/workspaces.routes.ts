import { json, relay } from '@jan/service-kit/answer'
import { AppError } from '@jan/service-kit/errors'
import { type Route, route, streamOf } from '@jan/service-kit/route'
import type { Who } from '@jan/service-kit/who'
import { z } from 'zod'
import { noteAct } from '../audit/note-act.ts'
import type { Deps } from '../deps.ts'
import { eraseWorkspace } from './erase-workspace.job.ts'
import { exportWorkspace } from './export-workspace.ts'

const Erasure = z.looseObject({ object: z.literal('erasure'), status: z.literal('accepted') }).meta({ id: 'Erasure' })

export const meRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'erase_me',
    method: 'delete',
    path: '/v1/me',
    summary: 'Delete me and everything of mine',
    description: 'It begins at once, in every service, and goes on until all have confirmed. It cannot be taken back.',
    auth: 'person',
    answers: { 202: Erasure },
    handler: async ({ who, address }) => {
      requireThemselves(who)
      const { workspaceId } = who.caller
      await deps.jobs.add(
        eraseWorkspace,
        { workspaceId, requestId: who.requestId, isLast: false },
        { key: workspaceId },
      )
      await noteAct(deps, { who, address }, { act: 'person.erased', target: workspaceId })
      return json({ object: 'erasure' as const, status: 'accepted' as const }, { status: 202 })
    },
  }),
  route({
    operation: 'export_me',
    method: 'get',
    path: '/v1/me/export',
    summary: 'Everything that is stored of me',
    auth: 'person',
    answers: { 200: streamOf('application/json', 'By service, a list for each kind of thing') },
    handler: async ({ who, address }) => {
      requireThemselves(who)
      const body = await exportWorkspace(deps, who)
      await noteAct(deps, { who, address }, { act: 'person.exported', target: who.caller.workspaceId })
      const disposition = 'attachment; filename="jan-export.json"'
      return relay(body, {
        status: 200,
        headers: { 'content-type': 'application/json; charset=utf-8', 'content-disposition': disposition },
      })
    },
  }),
]

/** A key acts for a person in their daily work, not in this. */
function requireThemselves({ caller }: Who): void {
  if (caller.kind === 'key') throw new AppError('forbidden', 'An API key may not do this; sign in')
}
