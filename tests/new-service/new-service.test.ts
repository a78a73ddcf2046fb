import { execFile } from 'node:child_process'
import { lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { copyCheckout, linkInstalled } from './checkout-copy.ts'
import { unused } from './house.ts'

/** The command as people run it, in a copy of this checkout, and then what `make verify` would ask of its result. */
const copy = copyCheckout()
const { root } = copy
const { name } = unused
const read = (path: string) => readFileSync(join(root, path), 'utf8')

type Ended = { code: number; said: string }
const run = (command: string, args: string[], env: Record<string, string> = {}, cwd = root): Promise<Ended> =>
  promisify(execFile)(command, args, {
    cwd,
    env: { PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}`, HOME: process.env.HOME, ...env },
  }).then(
    ({ stdout, stderr }) => ({ code: 0, said: `${stdout}${stderr}`.trim() }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      said: `${error.stdout}${error.stderr}`.trim(),
    }),
  )
const newService = (called: string) => run('make', ['--no-print-directory', 'new-service', `NAME=${called}`])

/** Every file of the copy and what is in it. */
const contents = () =>
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => !/(^|\/)(node_modules|\.turbo)(\/|$)/.test(path) && lstatSync(join(root, path)).isFile())
    .map((path) => [path, read(path)])

beforeAll(() => {
  linkInstalled(root)
  writeFileSync(join(root, 'node_modules/.jan-installed'), '')
})
afterAll(() => copy.remove())

test('a name that cannot be had ends with 2 and one line, and nothing was written [T-29]', async () => {
  const before = contents()
  for (const bad of ['Billing-API', '../billing-api', 'media-api']) {
    const { code, said } = await newService(bad)
    const [why, ofMake, ...more] = said.split('\n')
    expect([code, why, ofMake, more]).toEqual([
      2,
      expect.stringMatching(/cannot be a service's name|there already/),
      expect.stringMatching(/^make: \*\*\* .*new-service\] Error 2$/),
      [],
    ])
  }
  expect(contents()).toEqual(before)
}, 60_000)

test('a failure half-way takes everything back [T-27]', async () => {
  const source = join(root, 'services/template-api/src/main.ts')
  const good = readFileSync(source)
  writeFileSync(source, 'broken {')
  const before = contents()
  const { code, said } = await newService(name)
  expect([code, said]).toEqual([2, expect.stringMatching(/^biome check failed, so everything was taken back:\n/)])
  expect(contents()).toEqual(before)
  // As make sees it, too: nothing is newer than what is installed.
  expect((await run('make', ['--question', 'install'])).code).toBe(0)
  writeFileSync(source, good)
}, 60_000)

test('the new service is made, registered, and passes what the others pass [T-27 P-092 P-093]', async () => {
  const { code, said } = await newService(name)
  expect([code, said.split('\n').length <= 10, said]).toEqual([
    0,
    true,
    expect.stringMatching(`Made services/${name}:`),
  ])
  expect(lstatSync(join(root, 'node_modules/@jan', name)).isSymbolicLink()).toBe(true)
  expect((await run('make', ['--question', 'install'])).code).toBe(0)

  const generated = [`services/${name}/openapi.json`, 'docs/reference/configuration.md', '.env.example']
  const before = generated.map(read)
  writeFileSync(join(root, 'jest.no-platform.config.js'), WITHOUT_PLATFORM)
  const jest = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js']
  const suites = [`services/${name}/`, 'tests/architecture', 'embedded/src/services']
  const ended = await Promise.all([
    run('node', ['../../scripts/openapi.ts'], {}, join(root, 'services', name)),
    run('node', ['scripts/config-docs.ts']),
    run('npm', ['ci', '--dry-run', '--offline']),
    run('tsc', ['-p', `services/${name}/tsconfig.json`]),
    run('biome', ['check', '--error-on-warnings', `services/${name}`, 'packages/embedded/src/services.ts']),
    run('node', [...jest, '--config', 'jest.no-platform.config.js', ...suites]),
  ])
  expect(ended.filter((each) => each.code !== 0)).toEqual([])
  expect(generated.map(read)).toEqual(before)
}, 180_000)

/** The suites of `tests` that are run here need no platform, and another one may be running. */
const WITHOUT_PLATFORM = `import config from './jest.config.js'
const project = ({ globalSetup, globalTeardown, ...rest }) => rest
export default { ...config, projects: config.projects.map(project) }
`
