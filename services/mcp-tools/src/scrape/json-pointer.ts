/** What a pointer leads to, or how far it leads and what is there instead. */
export type Pointed = { value: unknown } | { missing: string; at: string; found: unknown }

/** Reads a JSON pointer (RFC 6901): `/items/0/name`; the empty one is the whole document. Undefined when it is none. */
export function parsePointer(text: string): string[] | undefined {
  if (text === '') return []
  if (!text.startsWith('/') || /~(?![01])/.test(text)) return undefined
  return text
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

const written = (parts: string[]): string =>
  parts.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')

export function follow(document: unknown, pointer: string[]): Pointed {
  let value = document
  for (const [depth, part] of pointer.entries()) {
    const isIndex = !Array.isArray(value) || /^(?:0|[1-9]\d*)$/.test(part)
    if (typeof value !== 'object' || value === null || !isIndex || !Object.hasOwn(value, part))
      return { missing: part, at: written(pointer.slice(0, depth)), found: value }
    value = (value as Record<string, unknown>)[part]
  }
  return { value }
}

const MOST_KEYS = 30

/** What a value is, in words that help to point into it. */
export function outline(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length} ${value.length === 1 ? 'item' : 'items'}`
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : `a ${typeof value}`
  const keys = Object.keys(value)
  const shown = keys.slice(0, MOST_KEYS).map((key) => JSON.stringify(key.slice(0, 60)))
  if (keys.length === 0) return 'an empty object'
  return `an object with ${shown.join(', ')}${keys.length > MOST_KEYS ? ` and ${keys.length - MOST_KEYS} more keys` : ''}`
}
