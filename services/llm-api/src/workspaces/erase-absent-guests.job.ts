import { defineJob, type Job, type Schedule } from '@jan/service-kit/jobs'
import { z } from 'zod'
import { noteAct } from '../audit/note-act.ts'
import type { Deps } from '../deps.ts'
import { eraseWorkspace } from './erase-workspace.job.ts'

const Payload = z.object({})

/**
 * Erases guests that nobody can, or does, come back to: made before the time of retention, and with no session at the
 * identity provider that was used since. It knows them from both sides, so that neither a guest without data nor data
 * without its guest stays. Work that an earlier try has begun is found again, and bears being asked twice.
 */
export const eraseAbsentGuests: Job<typeof Payload, Deps> = defineJob({
  name: 'erase_absent_guests',
  payload: Payload,
  run: async (deps: Deps, _, { signal, log }) => {
    if (deps.guestRetentionMs === 0) return
    const before = new Date(deps.now().getTime() - deps.guestRetentionMs)
    let erased = 0
    for await (const id of guestsMadeBefore(deps, before)) {
      signal.throwIfAborted()
      if (!(await isAbsent(deps, id, before))) continue
      const requestId = deps.newId('req')
      await deps.jobs.add(eraseWorkspace, { workspaceId: id, requestId, isLast: false }, { key: id })
      const who = { caller: undefined, requestId, log }
      await noteAct(deps, { who, address: () => '' }, { act: 'guest.erased', target: id })
      erased += 1
    }
    log.info({ guests: erased, before }, 'guests that were away too long are being erased')
  },
})

export const eraseAbsentGuestsDaily: Schedule = { job: eraseAbsentGuests, cron: '17 3 * * *' }

/** Ids, each once. Those at the provider are gathered first: a list that shrinks while it is read would skip some. */
async function* guestsMadeBefore({ identity, workspaces }: Deps, before: Date): AsyncGenerator<string> {
  const atProvider = new Set<string>()
  for await (const { id } of identity.users.guestsMadeBefore(before)) atProvider.add(id)
  yield* atProvider
  for await (const { id } of workspaces.guestsMadeBefore(before)) if (!atProvider.has(id)) yield id
}

async function isAbsent({ identity: { users } }: Deps, id: string, before: Date): Promise<boolean> {
  const user = await users.getUser(id)
  if (user && user.attributes.guest?.[0] !== 'true') return false
  return (await users.lastAccessOf(id)) < before
}
