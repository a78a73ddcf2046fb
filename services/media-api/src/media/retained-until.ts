import type { Deps } from '../deps.ts'

/** When an object that comes now is deleted, unless it comes again; null for never. */
export const retainedUntil = ({ settings, now }: Pick<Deps, 'settings' | 'now'>): Date | null =>
  settings.retentionMs === 0 ? null : new Date(now().getTime() + settings.retentionMs)
