import { z } from 'zod'
import { duration, env, flag, integer, list, reading, Secret, secret } from './config.ts'
import { parseFieldKeys } from './field-encryption.ts'
import { parseInternalKeys } from './internal-token.ts'

/** Where a service listens. Loopback unless said otherwise: a container says `0.0.0.0`. */
export const httpConfig = (prefix: string, port: number, oldPortNames: string[] = []) => ({
  host: env(`${prefix}_HTTP_HOST`, z.string().default('127.0.0.1'), 'Address to listen on'),
  port: env(
    `${prefix}_HTTP_PORT`,
    z.coerce.number().int().min(0).max(65535).default(port),
    'Port to listen on',
    oldPortNames,
  ),
  shutdownDelayMs: env(
    'SHUTDOWN_DELAY',
    duration('0s'),
    'How long requests are still taken after SIGTERM, while readiness says 503: at least one probe of the balancer',
  ),
  shutdownGraceMs: env(
    'SHUTDOWN_GRACE',
    duration('10s'),
    'How long requests in flight may take after SIGTERM, and then each connection to close',
  ),
})

export const logConfig = (prefix: string) => ({
  level: env(
    `${prefix}_LOG_LEVEL`,
    z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
    'Lowest level that is logged',
    ['LOG_LEVEL'],
  ),
  format: env(
    `${prefix}_LOG_FORMAT`,
    z.enum(['json', 'console', 'auto']).default('auto'),
    'json, console, or auto: console on a terminal',
    ['LOG_FORMAT'],
  ),
})

export const environmentConfig = env(
  'NODE_ENV',
  z.enum(['development', 'test', 'production']).default('development'),
  'production refuses every laptop default',
)

export const authConfig = {
  enabled: env(
    'AUTH_ENABLED',
    flag(true),
    'false: every caller is the user `local`; only on loopback outside production',
  ),
  issuer: env(
    'AUTH_ISSUER',
    z.url().default('http://localhost:8085/realms/jan'),
    'Issuer that access tokens must name',
  ),
  audience: env(
    'AUTH_AUDIENCE',
    list().transform((names) => (names.length > 0 ? names : ['jan'])),
    'Audiences that are accepted (default: jan)',
  ),
  jwksUrl: env(
    'AUTH_JWKS_URL',
    z.url().default('http://localhost:8085/realms/jan/protocol/openid-connect/certs'),
    'Where the keys of the issuer are',
  ),
  clients: env(
    'AUTH_CLIENTS',
    list().transform((names) => (names.length > 0 ? names : ['jan-client', 'jan-mcp'])),
    'Clients whose access tokens are accepted (azp; default: jan-client,jan-mcp)',
  ),
  internalKeys: env(
    'INTERNAL_TOKEN_KEYS',
    z.string().transform(reading(parseInternalKeys)),
    'Key ring between services: kid:secret,… (the first signs, all verify)',
  ),
}

export const postgresConfig = (name: string) => ({
  url: env(name, secret(), 'PostgreSQL connection URL'),
  poolMax: env('DB_POOL_MAX', integer(10), 'Most connections of this process'),
  statementTimeoutMs: env('DB_STATEMENT_TIMEOUT', duration('15s'), 'Longest statement'),
})

/** Requests per person or key. */
export const limitsConfig = {
  redisUrl: env(
    'REDIS_URL',
    z
      .url({ protocol: /^rediss?$/, error: 'expected a redis:// or rediss:// URL' })
      .transform((text) => new Secret(text))
      .optional(),
    'Redis, through which replicas share limits; without it each limits alone',
  ),
  requestsPerMinute: env(
    'REQUESTS_PER_MINUTE',
    integer(600),
    'Most requests of one person or key to one service in a minute, over all replicas; 0: no limit',
  ),
}

/** For services that keep secrets, or answers that may hold some. */
export const fieldKeysConfig = env(
  'FIELD_ENCRYPTION_KEYS',
  z.string().transform(reading(parseFieldKeys)),
  'Key ring of encrypted columns: kid:key,… with 32 bytes each as base64url (the first encrypts, all decrypt)',
)

export const isLoopback = (host: string) => host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)

/** `AUTH_ENABLED=false` is for one's own machine only. */
export function authProblems(config: {
  http: { host: string }
  auth: { enabled: boolean }
  environment: string
}): string[] {
  if (config.auth.enabled) return []
  if (config.environment === 'production') return ['AUTH_ENABLED=false is refused in production']
  return isLoopback(config.http.host)
    ? []
    : [`AUTH_ENABLED=false is refused on ${config.http.host}: only a loopback listener may go without`]
}
