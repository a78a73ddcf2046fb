import type { Lifetime } from './key.schema.ts'
import type { KeySettings } from './keys.ts'

const DAY_MS = 86_400_000
const NS_PER_MS = 1_000_000

/** When a key of the asked lifetime ends that begins at `from`: never later than the longest that is allowed. */
export function expiryOf(asked: Lifetime, from: Date, settings: KeySettings): Date {
  const { expires_in_days: days, expires_in: nanoseconds = 0 } = asked
  const ms = days === undefined ? Math.floor(nanoseconds / NS_PER_MS) : days * DAY_MS
  return new Date(from.getTime() + Math.min(ms > 0 ? ms : settings.defaultTtlMs, settings.maxTtlMs))
}
