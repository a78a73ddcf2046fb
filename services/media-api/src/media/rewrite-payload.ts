import { MediaId } from '@jan/contracts/media'
import { invalid } from '@jan/service-kit/errors'

/** Deeper than any message; recursion stays far from the end of the stack. */
const MAX_DEPTH = 200

/** `data:<type>;jan_…` wherever it stands in a text; the type in it is decoration. Bounded, as texts may be megabytes. */
const PLACEHOLDER = /data:[a-z]{1,32}\/[a-z0-9.+-]{1,128};(jan_[0-9a-hjkmnp-tv-z]{26})(?![0-9a-z])/gi

/**
 * Replaces each id that stands alone as a string, and each placeholder inside one, by what `replace` says.
 * Object keys stay as they are.
 * @throws AppError `invalid_request` when the payload is nested deeper than 200 levels
 */
export function rewritePayload(payload: unknown, replace: (id: string) => string): unknown {
  const rewrite = (node: unknown, depth: number): unknown => {
    if (typeof node === 'string') return rewriteText(node, replace)
    if (typeof node !== 'object' || node === null) return node
    if (depth >= MAX_DEPTH) throw invalid(`payload is nested deeper than ${MAX_DEPTH} levels`, 'payload')
    if (Array.isArray(node)) return node.map((each) => rewrite(each, depth + 1))
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, rewrite(value, depth + 1)]))
  }
  return rewrite(payload, 0)
}

function rewriteText(text: string, replace: (id: string) => string): string {
  if (MediaId.safeParse(text).success) return replace(text)
  return text.replace(PLACEHOLDER, (_placeholder, id: string) => replace(id))
}

/** How often each id is named in a payload, in order of first appearance. */
export function countIds(payload: unknown): Map<string, number> {
  const counts = new Map<string, number>()
  rewritePayload(payload, (id) => {
    counts.set(id, (counts.get(id) ?? 0) + 1)
    return id
  })
  return counts
}
