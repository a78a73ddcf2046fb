import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { binaryOf, ENGINE_VERSION, enginePlace, installEngine } from '@jan/local-model/install-engine'
import { tinyGguf } from '@jan/local-model/tiny-gguf'
import { freePort } from '@jan/testkit/free-port'
import { placeOf } from './cache.ts'
import { CannotBeHad, type Ingredient, type Part } from './part.ts'
import { serve } from './server.ts'

const cannotBeHad = (error: Error): never => {
  throw new CannotBeHad(error.message)
}

/** As `make start` installs it when it is asked to. */
const engine: Ingredient = {
  name: `local-model-${ENGINE_VERSION}`,
  minutes: 0.5,
  make: (bench, into) => installEngine(into, bench.signal).catch(cannotBeHad),
}

/** Our server over a real engine and a model of two megabytes, made on the spot. */
export const localModel: Part = {
  name: 'local-model',
  needs: [engine],
  minutes: 0.8,
  suite: 'packages/local-model/test/local-model.platform.test.ts',
  check: () => {
    try {
      binaryOf()
    } catch (error) {
      cannotBeHad(error as Error)
    }
  },
  start: async (bench) => {
    const port = await freePort()
    const file = join(bench.work, 'tiny.gguf')
    const words = ['Hello', '!', ' This', ' is', ' a', ' tiny', [' local', ' small'] as [string, string], ' model', '.']
    writeFileSync(file, tinyGguf({ words }))
    await serve(bench, {
      label: 'local-model',
      command: process.execPath,
      args: [join(import.meta.dirname, '../../packages/local-model/src/main.ts')],
      env: {
        JAN_MODEL_GGUF: file,
        LOCAL_MODEL_ENGINE: enginePlace(placeOf(bench, engine)),
        LOCAL_MODEL_HTTP_PORT: String(port),
        // More would wait for each other where others work, too.
        LOCAL_MODEL_THREADS: '1',
      },
      ready: { url: `http://127.0.0.1:${port}/healthz` },
    })
    return {
      JAN_TEST_LOCAL_MODEL_URL: `http://127.0.0.1:${port}`,
      JAN_TEST_LOCAL_MODEL_ENGINES: placeOf(bench, engine),
    }
  },
}
