/**
 * Everything that is checked, in one run: generated files, types, lint, every test.
 * Ends with one plain line, `N passed, N failed` (and `, N skipped`); each tool counts as one.
 */
import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

type Sum = { passed: number; failed: number; skipped: number }
const sum: Sum = { passed: 0, failed: 0, skipped: 0 }

function run(command: string, args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'inherit' }).status === 0
}

function check(name: string, passes: () => boolean): void {
  const began = Date.now()
  const ok = passes()
  sum[ok ? 'passed' : 'failed'] += 1
  console.log(`${ok ? 'ok' : 'FAILED'}  ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`)
}

const turbo = (task: string) =>
  run('turbo', ['run', task, '--output-logs=errors-only', '--no-update-notifier', '--summarize=false'])

/** What is generated and committed, as it is now. */
const generatedFiles = () =>
  new Map(
    globSync(['services/*/openapi.json', 'docs/reference/*', '.env.example']).map((file) => [
      file,
      readFileSync(file, 'utf8'),
    ]),
  )

/** A checkout must hold what its sources make: what was old or missing was just made, and wants to be committed. */
function wereUpToDate(before: Map<string, string>): boolean {
  const renewed = [...generatedFiles()].filter(([file, text]) => before.get(file) !== text).map(([file]) => file)
  for (const file of renewed) console.log(`${file} was not what its sources make; now it is: commit it`)
  return renewed.length === 0
}

function runTests(): void {
  const folder = mkdtempSync(join(tmpdir(), 'jan-jest-'))
  const report = join(folder, 'report.json')
  const jest = [
    '--experimental-vm-modules',
    '--no-warnings',
    'node_modules/jest/bin/jest.js',
    '--json',
    `--outputFile=${report}`,
  ]
  const ok = run(process.execPath, [...jest, ...process.argv.slice(2)])
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numRuntimeErrorTestSuites } = JSON.parse(
      readFileSync(report, 'utf8'),
    ) as Record<string, number>
    sum.passed += numPassedTests ?? 0
    sum.failed += (numFailedTests ?? 0) + (numRuntimeErrorTestSuites ?? 0)
    sum.skipped += (numPendingTests ?? 0) + (numTodoTests ?? 0)
  } catch (error) {
    console.log(`jest left no report: ${(error as Error).message}`)
  }
  // A red run without a red test (a broken set-up, a crash) is still a failure.
  if (!ok && sum.failed === 0) sum.failed += 1
  rmSync(folder, { recursive: true, force: true })
}

const committed = generatedFiles()
check('generate', () => turbo('generate') && run(process.execPath, ['scripts/merge-openapi.ts']))
check('generated files are up to date', () => wereUpToDate(committed))
check('types', () => turbo('typecheck'))
check('lint', () => turbo('lint'))
runTests()
console.log(`${sum.passed} passed, ${sum.failed} failed${sum.skipped > 0 ? `, ${sum.skipped} skipped` : ''}`)
process.exitCode = sum.failed === 0 ? 0 : 1
