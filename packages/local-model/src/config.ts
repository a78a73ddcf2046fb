import { type ConfigOf, type ConfigShape, env, readConfig } from '@jan/service-kit/config'
import { httpConfig, logConfig } from '@jan/service-kit/config-blocks'
import { z } from 'zod'

const count = (least: number, byDefault: number) => z.coerce.number().int().min(least).default(byDefault)

export const shape = {
  http: httpConfig('LOCAL_MODEL', 8102),
  log: logConfig('LOCAL_MODEL'),
  path: env('JAN_MODEL_GGUF', z.string(), 'The file of the model, in GGUF format'),
  engine: env('LOCAL_MODEL_ENGINE', z.string(), 'Where node-llama-cpp is installed'),
  maxContext: env('LOCAL_MODEL_CONTEXT', count(128, 8192), 'Most tokens of context; memory grows with it'),
  parallel: env('LOCAL_MODEL_PARALLEL', count(1, 2), 'Requests answered at once; each has a context of its own'),
  threads: env(
    'LOCAL_MODEL_THREADS',
    z.coerce.number().int().min(1).optional(),
    'Threads of the processor; as many as the engine finds good when it is not set',
  ),
  waiting: env('LOCAL_MODEL_QUEUE', count(0, 16), 'Requests that may wait; one more is answered 429'),
} satisfies ConfigShape

export type Config = ConfigOf<typeof shape>

export const loadConfig = (source: NodeJS.ProcessEnv): Config => readConfig(shape, source)
