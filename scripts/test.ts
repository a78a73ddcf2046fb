/**
 * Everything that is checked, in one run: generated files, types, lint, every test.
 * Ends with one plain line, `N passed, N failed` (and `, N skipped`); each tool counts as one.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
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

/** What is generated and committed must be what its sources make now. */
function isUnchanged(): boolean {
  const files = ['services/*/openapi.json', 'docs/reference', '.env.example']
  const inGit = spawnSync('git', ['rev-parse', '--is-inside-work-tree'], { stdio: 'ignore' }).status === 0
  if (!inGit) return true
  const untracked = spawnSync('git', ['ls-files', '--others', '--exclude-standard', '--', ...files], {
    encoding: 'utf8',
  }).stdout
  if (untracked.trim()) console.log(`Generated but not committed:\n${untracked}`)
  return run('git', ['--no-pager', 'diff', '--exit-code', '--', ...files]) && !untracked.trim()
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

check('generate', () => turbo('generate'))
check('generated files are committed', isUnchanged)
check('types', () => turbo('typecheck'))
check('lint', () => turbo('lint'))
runTests()
console.log(`${sum.passed} passed, ${sum.failed} failed${sum.skipped > 0 ? `, ${sum.skipped} skipped` : ''}`)
process.exitCode = sum.failed === 0 ? 0 : 1
