/**
 * The suites that need a real part, one after the other: `ONLY=keycloak,s3` chooses, `PLATFORM_MINUTES` is a budget for
 * parts that must first be fetched or built. Prints one line per part and ends with `N passed, N failed[, N skipped]`.
 */
import { readFileSync } from 'node:fs'
import { cacheFolder, sweep } from './platform/cache.ts'
import { Broken, type Part } from './platform/part.ts'
import { chooseParts } from './platform/parts.ts'
import { type Conditions, LOGS, runPart } from './platform/run-part.ts'

const sum = { passed: 0, failed: 0, skipped: 0 }

async function testPart(part: Part, conditions: Conditions): Promise<void> {
  const began = Date.now()
  const outcome = await runPart(part, conditions)
  const seconds = Math.round((Date.now() - began) / 1000)
  if (outcome.is === 'ok') {
    sum.passed += outcome.passed
    console.log(`ok: ${part.name} ${seconds} s, ${outcome.passed} tests`)
  } else if (outcome.is === 'skipped') {
    sum.skipped += 1
    console.log(`skipped: ${part.name}: ${outcome.why}`)
  } else {
    sum.passed += outcome.passed
    sum.failed += outcome.failed
    if (outcome.error instanceof Broken) console.log(lastWords(outcome.error.log))
    console.log(`failed: ${part.name}: ${outcome.error.message}`)
  }
}

/** The end of a log, for those who see nothing but this. */
const lastWords = (log: string) =>
  readFileSync(log, 'utf8')
    .trimEnd()
    .split('\n')
    .slice(-60)
    .map((line) => `  ${line}`)
    .join('\n')

/** Minutes as a time that runs out; none is no limit. @throws Error for anything but a number */
function budget(minutes = ''): () => number {
  if (minutes === '') return () => Infinity
  if (!(Number(minutes) >= 0)) throw new Error(`PLATFORM_MINUTES is not a number of minutes: ${minutes}`)
  const deadline = Date.now() + Number(minutes) * 60_000
  return () => Math.max(0, deadline - Date.now())
}

const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => interrupted.abort(new Error(`interrupted by ${signal}`)))

try {
  const { ONLY, PLATFORM_MINUTES } = process.env
  const parts = chooseParts(ONLY)
  const cache = cacheFolder(process.env)
  const conditions = { cache, logs: LOGS, signal: interrupted.signal, leftMs: budget(PLATFORM_MINUTES) }
  sweep(cache)
  for (const part of parts) if (!interrupted.signal.aborted) await testPart(part, conditions)
  console.log(`${sum.passed} passed, ${sum.failed} failed${sum.skipped > 0 ? `, ${sum.skipped} skipped` : ''}`)
  process.exitCode = sum.failed === 0 ? 0 : 1
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 2
}
