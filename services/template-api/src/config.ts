import { type ConfigOf, type ConfigShape, readConfig } from '@jan/service-kit/config'
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

export const shape = {
  environment: environmentConfig,
  http: httpConfig('TEMPLATE_API', 8190),
  log: logConfig('TEMPLATE_API'),
  auth: authConfig,
  limits: limitsConfig,
  database: postgresConfig('TEMPLATE_DATABASE_URL'),
  fieldKeys: fieldKeysConfig,
} satisfies ConfigShape

export type Config = ConfigOf<typeof shape>

export const loadConfig = (source: NodeJS.ProcessEnv): Config => readConfig(shape, source, authProblems)
