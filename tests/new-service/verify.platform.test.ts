import { spawnSync } from 'node:child_process'
import { afterAll, expect, test } from '@jest/globals'
import { copyCheckout } from './checkout-copy.ts'
import { unusedName } from './house.ts'

const copy = copyCheckout()
afterAll(() => copy.remove())

/** What this run of make, of jest and of its database have set is not for another one. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(MAKE|MFLAGS|JAN_|JEST_|NODE_ENV|NODE_OPTIONS|NAME$)/.test(name)),
)

/** Runs in the copy. @returns the exit code, the last line of its output, and the end of what else was said */
function make(...args: string[]): { code: number | null; sum: string | undefined; said: string } {
  const { status, stdout, stderr, error } = spawnSync('make', args, {
    cwd: copy.root,
    env,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  })
  if (error) throw error
  // jest speaks on the other stream, so only the first one ends in the sum.
  return {
    code: status,
    sum: stdout.trim().split('\n').at(-1),
    said: `${stdout}${stderr}`
      .trim()
      .split('\n')
      .filter((line) => !line.startsWith('PASS '))
      .slice(-120)
      .join('\n'),
  }
}

test('a checkout with a new service passes make verify untouched [T-28]', () => {
  const made = make('new-service', `NAME=${unusedName()}`)
  if (made.code !== 0) throw new Error(`make new-service ended with ${made.code}:\n${made.said}`)
  const verified = make('verify')
  if (verified.code !== 0) throw new Error(`make verify ended with ${verified.code}:\n${verified.said}`)
  expect(verified.sum).toMatch(/^\d+ passed, 0 failed$/)
}, 1_800_000)
