import { Closers, run } from '@jan/service-kit/lifecycle'
import { createLogger } from '@jan/service-kit/logger'
import { createApp } from './app.ts'
import { loadConfig } from './config.ts'
import { openModel } from './local-model.ts'

// The engine tries its binary in a child first, in which what was loaded into this process must not run, too.
process.execArgv.splice(0)

try {
  const config = loadConfig(process.env)
  const log = createLogger('local-model', config.log)
  const closers = new Closers()
  const model = closers.add('model', await openModel(config), (open) => open.close())
  log.info({ model: model.id, context_length: model.contextLength }, 'the model is loaded')
  await run(createApp(model, log), { http: config.http, log, closers })
} catch (error) {
  console.error(`Error: ${(error as Error).message}`)
  process.exitCode = 1
}
