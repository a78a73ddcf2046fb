/**
 * Starts one part by hand, prints the variables by which its suite finds it, and stops it on Ctrl-C:
 * `node scripts/start-part.ts keycloak`. Ends with 1 when it failed, 2 for a wrong name, 3 when it cannot be had here.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { cacheFolder, sweep } from './platform/cache.ts'
import { CannotBeHad, type Part } from './platform/part.ts'
import { parts } from './platform/parts.ts'
import { LOGS, withPart } from './platform/run-part.ts'
import { startDatabase } from './platform/run-suite.ts'

const A_LONG_TIME_MS = 2 ** 31 - 1

async function start(part: Part): Promise<void> {
  const stopped = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => stopped.abort(new Error(`interrupted by ${signal}`)))
  const { signal } = stopped
  const cache = cacheFolder(process.env)
  sweep(cache)
  await withPart(part, { cache, logs: LOGS, signal, leftMs: () => Infinity }, async (bench, env) => {
    const all = { ...env, ...(await startDatabase(bench)) }
    for (const [variable, value] of Object.entries(all)) console.log(`export ${variable}='${value}'`)
    await wait(A_LONG_TIME_MS, undefined, { signal }).catch(() => undefined)
  })
}

const part = parts.find(({ name }) => name === process.argv[2])
if (part)
  await start(part).catch((error: Error) => {
    console.error(error.message)
    process.exitCode = error instanceof CannotBeHad ? 3 : 1
  })
else {
  console.error(`Name one part: ${parts.map(({ name }) => name).join(', ')}`)
  process.exitCode = 2
}
