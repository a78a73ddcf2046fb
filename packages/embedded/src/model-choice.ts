import { resolve } from 'node:path'
import { modelIdOf } from '@jan/local-model/gguf-file'

/** The variables that say who answers. */
type Env = NodeJS.ProcessEnv

/** The file of a model that runs on this machine, if one was named. A relative path begins at the root of the checkout. */
export const modelFileOf = (env: Env, root: string): string | undefined =>
  env.JAN_MODEL_GGUF ? resolve(root, env.JAN_MODEL_GGUF) : undefined

/** Whether the scripted simulator stands in, because no model was configured. */
export const usesSimulator = (env: Env): boolean => !env.JAN_MODEL_BASE_URL && !env.JAN_MODEL_GGUF

/** The model of examples and of requests that name none; undefined when only the provider knows. */
export function modelOf(env: Env): string | undefined {
  if (usesSimulator(env)) return SIMULATOR
  return env.JAN_MODEL_BASE_URL ? env.JAN_MODEL || undefined : modelIdOf(env.JAN_MODEL_GGUF!)
}

export const SIMULATOR = 'jan-simulator'
