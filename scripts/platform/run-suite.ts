import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { startTestPostgres, stopTestPostgres } from '@jan/testkit/postgres-global'
import { run } from './command.ts'
import type { Bench } from './part.ts'

export type SuiteOutcome = { is: 'ok'; passed: number } | { is: 'failed'; error: Error; passed: number; failed: number }

/** The PostgreSQL of all suites. It is the runner's and not jest's, which stops nothing when it is interrupted. */
export async function startDatabase(bench: Bench): Promise<Record<string, string>> {
  await startTestPostgres()
  bench.running.push(stopTestPostgres)
  return { JAN_TEST_POSTGRES: process.env.JAN_TEST_POSTGRES ?? '' }
}

/** Runs a part's test file under the variables by which it finds the part. */
export async function runSuite(bench: Bench, suite: string, env: Record<string, string>): Promise<SuiteOutcome> {
  const report = join(bench.work, 'jest.json')
  const jest = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js']
  const flags = ['--config', 'jest.parts.config.js', '--ci', '--json', `--outputFile=${report}`, '--runTestsByPath']
  const cwd = resolve(import.meta.dirname, '../..')
  const marked = { [MARK]: bench.work }
  const options = { label: 'suite', cwd, env: { ...env, ...(await startDatabase(bench)), ...marked }, niceness: 0 }
  const failure = await run(bench, process.execPath, [...jest, ...flags, suite], options).then(
    () => undefined,
    (error: Error) => error,
  )
  if (bench.signal.aborted) endMarked(bench)
  const { numPassedTests: passed = 0, numFailedTests: failed = 0 } = readReport(report)
  if (!failure) return { is: 'ok', passed }
  // A run that ends red without a red test (a broken import, a crash, Ctrl-C) is still a failure.
  return { is: 'failed', error: failure, passed, failed: Math.max(1, failed) }
}

/** What a suite starts has this in its environment, with the folder of its run. */
const MARK = 'REAL_PART_RUN'

/** Ends what an interrupted suite has left, however it was started: jest itself stops nothing then. */
function endMarked({ work }: Bench): void {
  for (const pid of existsSync('/proc') ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : [])
    try {
      if (readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`${MARK}=${work}`))
        process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It is somebody else's, or gone already.
    }
}

/** Empty when the run ended before it could write one. */
function readReport(file: string): Record<string, number> {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return {}
  }
}
