/** PostgreSQL keeps no NUL, and half a character is no text. */
export const storable = (text: string): string => text.replaceAll('\0', ' ').toWellFormed()

/** Whether all texts of a JSON value may be kept as they are. */
export function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return storable(value) === value
  if (typeof value !== 'object' || value === null) return true
  return Object.entries(value).every(([key, part]) => isStorable(key) && isStorable(part))
}
