import { z } from 'zod'
import { HeaderMap } from './header-map.ts'
import { problemOfName } from './server-names.ts'
import { DEFAULT_TIMEOUT_MS, LONGEST_TIMEOUT_MS, MAX_TOOLS } from './server-spec.ts'

/** In the file `true` may come out of a variable, as a text. */
const flag = z.union([z.boolean(), z.string()]).transform((value, context) => {
  if (typeof value === 'boolean') return value
  if (/^(true|1|yes|on)$/i.test(value)) return true
  if (/^(false|0|no|off|)$/i.test(value)) return false
  context.addIssue({ code: 'custom', message: 'expected true or false' })
  return z.NEVER
})

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

const timeout = z.union([z.number(), z.string()]).transform((value, context) => {
  const [, amount, unit = 's'] = /^(\d+)(ms|s|m|h)?$/.exec(String(value)) ?? []
  const ms = Number(amount) * UNITS[unit as keyof typeof UNITS]
  if (ms > 0 && ms <= LONGEST_TIMEOUT_MS) return ms
  context.addIssue({ code: 'custom', message: `expected a duration like 30s, at most ${LONGEST_TIMEOUT_MS / 1000}s` })
  return z.NEVER
})

export const ServerName = z.string().superRefine((name, context) => {
  const problem = problemOfName(name)
  if (problem) context.addIssue({ code: 'custom', message: problem })
})

/** The MCP server says itself where to log in: it must not choose who gets the secret. */
export function requireIssuer(
  { client_secret: secret, issuer }: { client_secret?: string | undefined; issuer?: string | undefined },
  context: z.RefinementCtx,
): void {
  const problem = (message: string) => context.addIssue({ code: 'custom', path: ['issuer'], message })
  if (secret && !issuer) problem('is needed with client_secret, which is sent to this authorization server alone')
  if (issuer && !/^https?:$/.test(URL.parse(issuer)?.protocol ?? '')) problem('expected an http or https URL')
}

const TYPES = {
  http: 'http',
  'mcp-http': 'http',
  streamable_http: 'http',
  'streamable-http': 'http',
  sse: 'sse',
  stdio: 'stdio',
} as const

/** One entry of config/mcp-providers.yml. Unknown fields are refused: one that is misspelled would be no protection. */
export const FileServer = z
  .strictObject({
    name: ServerName,
    description: z.string().default(''),
    enabled: flag.default(true),
    type: z.enum(Object.keys(TYPES) as (keyof typeof TYPES)[]).default('http'),
    url: z.string().optional(),
    /** The former name of `url`. */
    endpoint: z.string().optional(),
    headers: HeaderMap.default({}),
    command: z.string().optional(),
    args: z.array(z.coerce.string()).default([]),
    env: z.record(z.string(), z.coerce.string()).default({}),
    auth: z.enum(['none', 'oauth']).default('none'),
    oauth: z
      .strictObject({
        client_id: z.string().min(1),
        client_secret: z.string().optional(),
        issuer: z.string().optional(),
        scope: z.string().optional(),
      })
      .superRefine(requireIssuer)
      .optional(),
    paid: flag.default(false),
    timeout: timeout.default(DEFAULT_TIMEOUT_MS),
    max_tools: z.coerce.number().int().min(1).max(1000).default(MAX_TOOLS),
    /** Of older files, read by nobody. */
    proxy_mode: z.unknown().optional(),
    tools: z.unknown().optional(),
  })
  .transform(({ url, endpoint, type, ...rest }) => ({ ...rest, type: TYPES[type], url: url ?? endpoint }))
  .superRefine(({ type, url, command }, context) => {
    if (type === 'stdio' ? !command : !url)
      context.addIssue({ code: 'custom', path: [type === 'stdio' ? 'command' : 'url'], message: 'is missing' })
    if (type !== 'stdio' && url && !/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
      context.addIssue({ code: 'custom', path: ['url'], message: 'expected an http or https URL' })
  })
export type FileServer = z.output<typeof FileServer>
