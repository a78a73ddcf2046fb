import { mcpConfig } from '@jan/route-tools/mcp-config'
import { type ConfigOf, type ConfigShape, env, readConfig } from '@jan/service-kit/config'
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

export const shape = {
  environment: environmentConfig,
  http: httpConfig('TEMPLATE_API', 8190),
  log: logConfig('TEMPLATE_API'),
  auth: authConfig,
  limits: limitsConfig,
  mcp: mcpConfig,
  database: postgresConfig('TEMPLATE_DATABASE_URL'),
  fieldKeys: fieldKeysConfig,
  llmApi: {
    url: env('LLM_API_URL', z.url().default('http://localhost:8080'), 'Where llm-api is'),
  },
} satisfies ConfigShape

export type Config = ConfigOf<typeof shape>

export const loadConfig = (source: NodeJS.ProcessEnv): Config => readConfig(shape, source, authProblems)
