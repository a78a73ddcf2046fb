import type { Logger } from '@jan/service-kit/logger'
import { createRemembered } from './remembered.ts'
import type { WorkspaceSettingsStore } from './workspace-settings.store.ts'

/** Whose requests and answers may be recorded: of nobody who has not asked for it. */
export type PayloadChoices = {
  store: WorkspaceSettingsStore
  /** From memory, and no as long as nothing is known. */
  mayRecord(workspaceId: string): boolean
  /** Reads the choices again, after one was changed here; other replicas do so within seconds. */
  changed(): Promise<unknown>
}

const FRESH_MS = 5_000

export function createPayloadChoices(store: WorkspaceSettingsStore, log: Logger): PayloadChoices {
  const onFailed = (error: unknown) => log.warn({ err: error }, 'settings of workspaces could not be read')
  const recording = createRemembered({
    read: async () => new Set(await store.recording()),
    freshMs: FRESH_MS,
    onFailed,
  })
  return {
    store,
    changed: recording.refresh,
    mayRecord(workspaceId) {
      const known = recording.get()
      if (!(known instanceof Promise)) return known.has(workspaceId)
      known.catch(onFailed)
      return false
    },
  }
}
