import type { KongRoute, KongService } from './kong-file.ts'

export type Candidate = { path: string; pattern: RegExp; rank: number; service: KongService; route: KongRoute }

/** `path` is what the service gets, `prefix` what was taken off the front. */
export type Match = { service: KongService; path: string; prefix?: string }

/** Kong's order for routes that match by path alone: expressions by regex_priority, then prefixes by length. */
export const compileRoutes = (services: KongService[]): Candidate[] =>
  services
    .flatMap((service) => service.routes.flatMap((route) => route.paths.map((path) => compile(service, route, path))))
    .sort((one, other) => other.rank - one.rank)

function compile(service: KongService, route: KongRoute, path: string): Candidate {
  const expression = path.startsWith('~') ? path.slice(1) : path.replaceAll('.', '\\.')
  const rank = path.startsWith('~') ? 1e6 + (route.regex_priority ?? 0) : path.length
  return { path, pattern: new RegExp(`^${expression}`), rank, service, route }
}

/** The first route in order that takes a normalised path. */
export function matchRoute(routes: Candidate[], path: string): Match | undefined {
  for (const { pattern, service, route } of routes) {
    const prefix = pattern.exec(path)?.[0]
    if (prefix === undefined) continue
    const base = service.path ?? ''
    if (route.strip_path === false) return { service, path: base + path }
    const rest = path.slice(prefix.length).replace(/^\/+/, '')
    const bare = rest === '' && base !== '' && !path.endsWith('/') // `/mcp` and `/mcp/` stay apart
    return { service, prefix, path: bare ? base : `${base}/${rest}` }
  }
  return undefined
}

/** The parts of a request line's target as sent. `query` keeps its question mark. */
export function splitTarget(target = ''): { authority: string | undefined; path: string; query: string } {
  const [, authority, path, query = ''] = /^(?:https?:\/\/([^/?]*))?([^?]*)(.*)$/i.exec(target) ?? []
  return { authority, path: path || '/', query }
}

/**
 * The one path that is both matched and forwarded: escapes of plain characters undone (an encoded slash stays encoded),
 * slashes merged, dot segments resolved. Undefined when no honest client sends it: above the root, bad escape, NUL.
 */
export function normalisePath(raw: string): string | undefined {
  if (!raw.startsWith('/') || /%(?![0-9a-f]{2})|%00/i.test(raw)) return undefined
  const escaped = raw.replace(/%..|[^\w.~!$&'()*+,;=:@/#[\]-]/g, escapeOnce)
  const kept: string[] = []
  for (const segment of escaped
    .replace(/\/\.\.?$/, '$&/')
    .split(/\/+/)
    .slice(1)) {
    if (segment === '..' && kept.pop() === undefined) return undefined
    if (segment !== '..' && segment !== '.') kept.push(segment)
  }
  return `/${kept.join('/')}`
}

/** For an escape, or a byte that needs one. Node hands the target over as one character per byte. */
function escapeOnce(part: string): string {
  const code = part.length > 1 ? Number.parseInt(part.slice(1), 16) : part.charCodeAt(0)
  const character = String.fromCharCode(code)
  return /[\w.~-]/.test(character) ? character : `%${code.toString(16).toUpperCase().padStart(2, '0')}`
}
