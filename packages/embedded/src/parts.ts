import { join } from 'node:path'
import { modelIdOf } from '@jan/local-model/gguf-file'
import type { Layout, Port } from './layout.ts'
import { engineOf } from './local-model.ts'
import { modelFileOf, modelOf, SIMULATOR, usesSimulator } from './model-choice.ts'
import type { Secrets } from './secrets.ts'
import { databaseOf, databaseVariableOf, envPrefixOf, SERVICE_NAMES, type ServiceName } from './services.ts'

/** A child process of the platform: what to run, with which variables, where it says that it is ready, and what it waits for. */
export type Part = {
  name: Port
  script: string
  env: Record<string, string>
  readyPath: string
  after: Stage
  /** How long it may take to get ready; half a minute when absent. */
  readyMs?: number
}
/** The stages of a start. What needs no database starts beside it, and the gateway opens when there is something behind it. */
export type Stage = 'nothing' | 'databases' | 'services'

export const IDENTITY_DATABASE = 'identity'

export type PartsInput = {
  layout: Layout
  secrets: Secrets
  databaseUrl: (name: string) => string
  env: NodeJS.ProcessEnv
}

/** Everything that runs as a process of its own, in the order in which it is started. */
export function describeParts(input: PartsInput): Part[] {
  const { layout, env } = input
  const modelFile = modelFileOf(env, layout.root)
  return [
    ...(usesSimulator(env) ? [simulatorPart(layout)] : []),
    ...(modelFile ? [localModelPart(layout, modelFile)] : []),
    identityPart(input),
    ...SERVICE_NAMES.map((name) => servicePart(name, input)),
    gatewayPart(input),
  ]
}

const local = (layout: Layout, port: Port) => `http://localhost:${layout.ports[port]}`
const script = (layout: Layout, path: string) => join(layout.root, path)

const simulatorPart = (layout: Layout): Part => ({
  name: 'simulator',
  script: script(layout, 'packages/model-simulator/src/main.ts'),
  env: { SIMULATOR_PORT: String(layout.ports.simulator) },
  readyPath: '/healthz',
  after: 'nothing',
})

/** Long, because many gigabytes may have to be read. */
export const MODEL_READY_MS = 600_000

const localModelPart = (layout: Layout, modelFile: string): Part => ({
  name: 'local-model',
  script: script(layout, 'packages/local-model/src/main.ts'),
  env: {
    LOCAL_MODEL_HTTP_HOST: '127.0.0.1',
    LOCAL_MODEL_HTTP_PORT: String(layout.ports['local-model']),
    LOCAL_MODEL_ENGINE: engineOf(layout),
    JAN_MODEL_GGUF: modelFile,
  },
  readyPath: '/healthz',
  after: 'nothing',
  readyMs: MODEL_READY_MS,
})

const identityPart = ({ layout, secrets, databaseUrl }: PartsInput): Part => ({
  name: 'identity',
  script: script(layout, 'packages/embedded/src/identity/main.ts'),
  env: {
    IDENTITY_PORT: String(layout.ports.identity),
    IDENTITY_BASE_URL: local(layout, 'identity'),
    IDENTITY_DATABASE_URL: databaseUrl(IDENTITY_DATABASE),
    IDENTITY_REALM_FILE: script(layout, 'keycloak/import/realm-jan.json'),
    IDENTITY_ADMIN_PASSWORD: secrets.identityAdminPassword,
    JAN_BACKEND_CLIENT_SECRET: secrets.backendClientSecret,
    // Where the realm's clients may be sent back to.
    JAN_PUBLIC_URL: local(layout, 'gateway'),
    JAN_GATEWAY_PORT: String(layout.ports.gateway),
    JAN_LLM_API_PORT: String(layout.ports['llm-api']),
  },
  readyPath: '/healthz',
  after: 'databases',
})

const gatewayPart = ({ layout, env }: PartsInput): Part => ({
  name: 'gateway',
  script: script(layout, 'packages/embedded/src/gateway/main.ts'),
  env: {
    GATEWAY_PORT: String(layout.ports.gateway),
    GATEWAY_FILE: script(layout, 'kong/kong.yml'),
    GATEWAY_HOSTS: [...SERVICE_NAMES, 'console' as const].map((name) => `${name}=${layout.ports[name]}`).join(','),
    ...(env.GATEWAY_RATE_LIMIT ? { GATEWAY_RATE_LIMIT: env.GATEWAY_RATE_LIMIT } : {}),
  },
  readyPath: '/healthz',
  after: 'services',
})

function servicePart(name: ServiceName, input: PartsInput): Part {
  const { layout, secrets, databaseUrl } = input
  const prefix = envPrefixOf(name)
  const database = databaseOf(name)
  return {
    name,
    script: script(layout, `services/${name}/src/main.ts`),
    env: {
      [`${prefix}_HTTP_HOST`]: '127.0.0.1',
      [`${prefix}_HTTP_PORT`]: String(layout.ports[name]),
      AUTH_ISSUER: `${local(layout, 'identity')}/realms/jan`,
      AUTH_JWKS_URL: `${local(layout, 'identity')}/realms/jan/protocol/openid-connect/certs`,
      INTERNAL_TOKEN_KEYS: secrets.internalTokenKeys,
      FIELD_ENCRYPTION_KEYS: secrets.fieldEncryptionKeys,
      LLM_API_URL: local(layout, 'llm-api'),
      MEDIA_API_URL: local(layout, 'media-api'),
      MCP_TOOLS_URL: local(layout, 'mcp-tools'),
      RESPONSE_API_URL: local(layout, 'response-api'),
      PUBLIC_URL: local(layout, 'gateway'),
      REDIS_URL: input.env.REDIS_URL || `redis://127.0.0.1:${layout.ports.redis}`,
      OUTBOUND_ALLOW: [
        `localhost:${layout.ports.examples}`,
        `127.0.0.1:${layout.ports.examples}`,
        input.env.OUTBOUND_ALLOW,
      ]
        .filter(Boolean)
        .join(','),
      ...(database ? { [databaseVariableOf(name)]: databaseUrl(database) } : {}),
      ...OWN[name]?.(input),
    },
    readyPath: '/readyz',
    after: database ? 'databases' : 'nothing',
  }
}

/** The model of requests that name none: what was asked for, else the one model that this platform was given. */
function defaultModel(env: NodeJS.ProcessEnv): Record<string, string> {
  const model = env.DEFAULT_MODEL || modelOf(env)
  return model ? { DEFAULT_MODEL: model } : {}
}

/** Where llm-api finds models that this platform runs itself. What was configured elsewhere comes first. */
function ownModels(layout: Layout, env: NodeJS.ProcessEnv): Record<string, string> {
  const modelFile = modelFileOf(env, layout.root)
  const urlOf = (port: Port) => `${local(layout, port)}/v1`
  const only = (port: Port, model: string) => ({
    JAN_MODEL_BASE_URL: urlOf(port),
    JAN_MODEL: model,
    MODEL_ALIASES: env.MODEL_ALIASES || `jan-v1-4b=${model},gpt-4o-mini=${model}`,
  })
  if (usesSimulator(env)) return only('simulator', SIMULATOR)
  if (!modelFile) return {}
  if (env.JAN_MODEL_BASE_URL) return { LOCAL_MODEL_URL: urlOf('local-model') }
  return { ...only('local-model', modelIdOf(modelFile)), JAN_MODEL_KIND: 'local' }
}

/** What only one service needs. */
const OWN: Partial<Record<ServiceName, (input: PartsInput) => Record<string, string>>> = {
  'llm-api': ({ layout, secrets, env }) => ({
    KEYCLOAK_BASE_URL: local(layout, 'identity'),
    BACKEND_CLIENT_SECRET: secrets.backendClientSecret,
    WORKSPACE_SERVICES: SERVICE_NAMES.filter((name) => name !== 'llm-api')
      .map((name) => `${name}=${local(layout, name)}`)
      .join(','),
    OAUTH_REDIRECT_URI: `${local(layout, 'gateway')}/auth/callback`,
    ...ownModels(layout, env),
    ...defaultModel(env),
  }),
  'response-api': ({ env }) => defaultModel(env),
  'media-api': ({ layout, secrets }) => ({
    MEDIA_DISK_PATH: join(layout.stateDir, 'media'),
    MEDIA_PUBLIC_URL: local(layout, 'media-api'),
    MEDIA_URL_SECRET: secrets.mediaUrlSecret,
  }),
  'mcp-tools': ({ layout }) => ({
    SANDBOX_STATE_DIR: join(layout.stateDir, 'sandbox'),
  }),
}
