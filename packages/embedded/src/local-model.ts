import { join } from 'node:path'
import { modelIdOf, requireGguf } from '@jan/local-model/gguf-file'
import { binaryOf, ENGINE_VERSION, enginePlace, installEngine, isInstalled } from '@jan/local-model/install-engine'
import type { Layout } from './layout.ts'
import { modelFileOf } from './model-choice.ts'

/** Engines of local models, which nothing but JAN_MODEL_GGUF asks for. */
const engineFolder = ({ stateDir }: Pick<Layout, 'stateDir'>): string => join(stateDir, 'local-model')
export const engineOf = (layout: Pick<Layout, 'stateDir'>): string => enginePlace(engineFolder(layout))

/**
 * Sees to it that the model which was asked for, if one was, can be started: its file is one, and the engine is there.
 * @throws Error, one sentence, when it cannot; the signal's reason when it aborts
 */
export async function prepareLocalModel(
  layout: Layout,
  env: NodeJS.ProcessEnv,
  { tell, signal }: { tell: (line: string) => void; signal: AbortSignal },
): Promise<void> {
  const path = modelFileOf(env, layout.root)
  if (!path) return
  requireGguf(path)
  binaryOf()
  if (isInstalled(engineFolder(layout))) return
  tell(
    `Installing node-llama-cpp ${ENGINE_VERSION} for ${modelIdOf(path)} into ${engineOf(layout)} (once; 85 MB from npm's registry) …`,
  )
  await installEngine(engineFolder(layout), signal)
}

/** What make doctor says of it. @throws as `prepareLocalModel` */
export function describeLocalModel(layout: Layout, env: NodeJS.ProcessEnv): string | undefined {
  const path = modelFileOf(env, layout.root)
  if (!path) return undefined
  requireGguf(path)
  binaryOf()
  const engine = `node-llama-cpp ${ENGINE_VERSION}`
  return `${path} runs on this machine; ${engine} ${isInstalled(engineFolder(layout)) ? 'is installed' : 'will be installed by make start'}`
}
