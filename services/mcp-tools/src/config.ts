import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { parseAllowList } from '@jan/guarded-fetch/allow-list'
import {
  type ConfigOf,
  type ConfigShape,
  duration,
  env,
  flag,
  list,
  readConfig,
  reading,
  secret,
} from '@jan/service-kit/config'
import {
  authConfig,
  authProblems,
  environmentConfig,
  fieldKeysConfig,
  httpConfig,
  limitsConfig,
  logConfig,
  postgresConfig,
} from '@jan/service-kit/config-blocks'
import { z } from 'zod'
import { normaliseDomain } from './search/domain-filter.ts'

const outboundAllow = list().superRefine((entries, context) => void reading(parseAllowList)(entries, context))

const signingKeys = list().transform((entries, context) =>
  entries.map((entry) => {
    const key = Buffer.from(entry, 'base64url')
    if (key.length < 32) context.addIssue({ code: 'custom', message: 'a key is not base64url of 32 bytes or more' })
    return key
  }),
)

const domains = list().transform((entries, context) =>
  entries.flatMap((entry) => {
    const domain = normaliseDomain(entry)
    if (domain === undefined) context.addIssue({ code: 'custom', message: `'${entry}' is not a domain` })
    return domain === undefined ? [] : [domain]
  }),
)

export const shape = {
  environment: environmentConfig,
  http: httpConfig('MCP_TOOLS', 8091, ['HTTP_PORT']),
  log: logConfig('MCP_TOOLS'),
  auth: authConfig,
  limits: limitsConfig,
  database: postgresConfig('MCP_TOOLS_DATABASE_URL'),
  fieldKeys: fieldKeysConfig,
  llmApi: {
    url: env('LLM_API_URL', z.url().default('http://localhost:8080'), 'Where llm-api is'),
  },
  mediaApi: {
    url: env('MEDIA_API_URL', z.url().default('http://localhost:8285'), 'Where media-api is'),
  },
  publicUrl: env('PUBLIC_URL', z.url().default('http://localhost:8000'), 'Where clients reach the platform'),
  allowedHosts: env(
    'ALLOWED_HOSTS',
    list(),
    'Host names this service may be called by, beside loopback, the one of PUBLIC_URL and mcp-tools',
  ),
  allowedOrigins: env(
    'ALLOWED_ORIGINS',
    list(),
    'Origins of web pages that may call MCP, beside loopback and the one of PUBLIC_URL',
  ),
  sessionKeys: env(
    'MCP_STATE_KEY',
    signingKeys,
    'Keys of MCP session ids, base64url: the first signs, all verify (default: derived from INTERNAL_TOKEN_KEYS)',
  ),
  search: {
    engine: env(
      'MCP_SEARCH_ENGINE',
      z.enum(['serper', 'searxng', 'offline']).optional(),
      'Engine that is asked first (default: serper with a key, else searxng with a URL, else offline)',
      ['SEARCH_ENGINE'],
    ),
    serperKey: env('SERPER_API_KEY', secret().optional(), 'Key of the Serper account that pays for searches'),
    domains: env('SERPER_DOMAIN_FILTER', domains, 'Domains that results are limited to; a caller may narrow them'),
    locationHint: env('SERPER_LOCATION_HINT', z.string().optional(), 'Where searches are made from, unless said'),
    offline: env('SERPER_OFFLINE_MODE', flag(false), 'true: no search engine is asked, whatever a caller says'),
    searxngUrl: env('SEARXNG_URL', z.url().optional(), 'A SearXNG that answers JSON'),
  },
  sandbox: {
    requireApproval: env(
      'MCP_SANDBOX_REQUIRE_APPROVAL',
      flag(false),
      'true: a program runs only when its caller says that a person approved it',
      ['SANDBOX_FUSION_REQUIRE_APPROVAL'],
    ),
    poolSize: env(
      'SANDBOX_POOL_SIZE',
      z.coerce.number().int().min(1).default(1),
      'Programs that run at once (about 185 MB each)',
    ),
    timeoutMs: env('SANDBOX_TIMEOUT', duration('30s'), 'Longest run of one program'),
    stateDir: env(
      'SANDBOX_STATE_DIR',
      z
        .string()
        .optional()
        // One for each user: a temporary folder is shared.
        .transform((dir) => dir ?? join(tmpdir(), `jan-sandbox-${userInfo().uid}`)),
      "Where the sandbox keeps its memory snapshot (default: one for this user in the system's temporary folder)",
    ),
  },
  outboundAllow: env(
    'OUTBOUND_ALLOW',
    outboundAllow,
    'host:port list of private addresses that may be fetched although callers name them',
  ),
} satisfies ConfigShape

export type Config = ConfigOf<typeof shape>

export const loadConfig = (source: NodeJS.ProcessEnv): Config => readConfig(shape, source, authProblems)
