import { type ConfigOf, type ConfigShape, duration, env, integer, readConfig, secret } from '@jan/service-kit/config'
import {
  authConfig,
  authProblems,
  environmentConfig,
  httpConfig,
  limitsConfig,
  logConfig,
  postgresConfig,
} from '@jan/service-kit/config-blocks'
import { z } from 'zod'

const httpUrl = () => z.url({ protocol: /^https?$/, error: 'expected an http or https URL' })

/** `alias=model,…` */
const aliases = () =>
  z
    .string()
    .default('')
    .transform((text, context) => {
      const entries = text.split(',').filter((entry) => entry.trim() !== '')
      return new Map(
        entries.map((entry): [string, string] => {
          const [alias = '', target = ''] = entry.split('=').map((side) => side.trim())
          if (!alias || !target || entry.split('=').length !== 2)
            context.addIssue({ code: 'custom', message: `'${entry.trim()}' is not alias=model` })
          return [alias, target]
        }),
      )
    })

export const shape = {
  environment: environmentConfig,
  http: httpConfig('LLM_API', 8080, ['HTTP_PORT']),
  bodyLimit: env('LLM_API_BODY_LIMIT', integer(33_554_432), 'Largest JSON body, in bytes'),
  log: logConfig('LLM_API'),
  auth: authConfig,
  limits: limitsConfig,
  database: postgresConfig('LLM_DATABASE_URL'),
  identity: {
    baseUrl: env(
      'KEYCLOAK_BASE_URL',
      httpUrl().default('http://localhost:8085'),
      'Identity provider, as seen from here',
    ),
    realm: env('KEYCLOAK_REALM', z.string().default('jan'), 'Realm at the identity provider'),
    backendClientId: env(
      'BACKEND_CLIENT_ID',
      z.string().default('backend'),
      'Client whose service account manages users',
    ),
    backendClientSecret: env('BACKEND_CLIENT_SECRET', secret(), 'Secret of that client'),
    targetClientId: env('TARGET_CLIENT_ID', z.string().default('jan-client'), 'Client that people sign in with'),
  },
  model: {
    baseUrl: env(
      'JAN_MODEL_BASE_URL',
      httpUrl().default('http://localhost:8101/v1'),
      'OpenAI-compatible model provider',
      ['JAN_DEFAULT_NODE_URL'],
    ),
    apiKey: env('JAN_MODEL_API_KEY', secret().optional(), 'Key for the model provider', ['JAN_DEFAULT_NODE_API_KEY']),
    first: env(
      'JAN_MODEL',
      z.string().optional(),
      'Model to offer first, and to offer even when the provider does not list it',
    ),
    aliases: env('MODEL_ALIASES', aliases(), 'Further names of models: alias=model,…'),
    byDefault: env('DEFAULT_MODEL', z.string().optional(), 'Model of a request that names none'),
    connectTimeoutMs: env('MODEL_CONNECT_TIMEOUT', duration('3s'), 'Longest wait for a connection to the provider'),
    headTimeoutMs: env('MODEL_HEAD_TIMEOUT', duration('120s'), 'Longest wait for the head of an answer'),
    idleTimeoutMs: env('MODEL_IDLE_TIMEOUT', duration('120s'), 'Longest silence inside an answer'),
  },
  media: {
    baseUrl: env('MEDIA_API_URL', httpUrl().default('http://localhost:8285'), 'media-api'),
    timeoutMs: env('MEDIA_RESOLVE_TIMEOUT', duration('15s'), 'Longest wait for media-api to begin its answer'),
  },
} satisfies ConfigShape

export type Config = ConfigOf<typeof shape>

export const loadConfig = (source: NodeJS.ProcessEnv): Config =>
  readConfig(shape, source, (config) => [...authProblems(config), ...secretProblems(config)])

function secretProblems({ model }: Config): string[] {
  const { username, password } = new URL(model.baseUrl)
  return username || password
    ? ['JAN_MODEL_BASE_URL holds a password; JAN_MODEL_API_KEY is the place for credentials']
    : []
}
