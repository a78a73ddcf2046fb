import { readFile } from 'node:fs/promises'
import { parseScript } from './script.ts'
import { createSimulator } from './simulator.ts'

const { SIMULATOR_PORT = '8101', SIMULATOR_HOST = '127.0.0.1', SIMULATOR_SCRIPT } = process.env

try {
  const script = SIMULATOR_SCRIPT ? parseScript(await readFile(SIMULATOR_SCRIPT, 'utf8')) : undefined
  const simulator = await createSimulator({ script }).listen(Number(SIMULATOR_PORT), SIMULATOR_HOST)
  console.log(`jan-simulator (scripted, not a model) listens on ${simulator.url}`)
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => simulator.close())
} catch (error) {
  console.error(`jan-simulator: ${(error as Error).message}`)
  process.exitCode = 1
}
