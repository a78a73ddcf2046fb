import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import { copyCheckout } from './checkout-copy.ts'
import { unusedName } from './house.ts'

const copy = copyCheckout()
afterAll(() => copy.remove())

/** What this run of make, of jest and of its database have set is not for another one; where its ports begin is. */
const NOT_OURS = /^(MAKE|MFLAGS|JAN_(?!TEST_PORT_OFFSET$)|JEST_|NODE_ENV|NODE_OPTIONS|NAME$)/
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !NOT_OURS.test(name))),
  PATH: `${join(copy.root, 'node_modules/.bin')}:${process.env.PATH}`,
}

/** Runs in the copy. @returns the last line of its output @throws Error with the end of all that was said */
function run(command: string, ...args: string[]): string | undefined {
  const options = { cwd: copy.root, env, encoding: 'utf8', maxBuffer: 2 ** 28 } as const
  const { status, stdout, stderr, error } = spawnSync(command, args, options)
  if (error) throw error
  const said = `${stdout}${stderr}`
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('PASS '))
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${said.slice(-120).join('\n')}`)
  // jest speaks on the other stream, so only the first one ends in the sum.
  return stdout.trim().split('\n').at(-1)
}

/** As make verify does, but for the suites of the other services, which do not know of the new one. */
test('a checkout with a new service passes untouched what it can change [T-28]', () => {
  const name = unusedName()
  run('make', 'new-service', `NAME=${name}`)
  const sum = run('node', 'scripts/test.ts', `services/${name}/`, 'packages/', 'tests/')
  expect(sum).toMatch(/^\d+ passed, 0 failed$/)
}, 1_800_000)
