/**
 * Makes a service of services/template-api and registers it wherever a service must be known:
 * `make new-service NAME=billing-api`. Exits 2 for a name that cannot be had, 1 when something else stands in the way;
 * in both cases nothing has changed.
 */
import { execFile } from 'node:child_process'
import { readdirSync, rmSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { BadName, type Plan, planService } from './new-service/plan.ts'
import { readHouse } from './new-service/read-house.ts'
import { STEPS } from './new-service/steps.ts'
import { checkoutTree } from './new-service/tree.ts'
import { writeAll } from './new-service/write-all.ts'

const ROOT = resolve(import.meta.dirname, '..')
/** What the generators write outside the new service's folder. */
const GENERATED = ['docs/reference/configuration.md', 'docs/reference/openapi.json', '.env.example']

// What is being run gets Ctrl-C too, and may end as if all were well.
const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort(new Error(signal)))

try {
  const tree = checkoutTree(ROOT)
  const services = readdirSync(join(ROOT, 'services'))
  const plan = planService(process.env.NAME ?? '', readHouse(tree, services))
  const edits = STEPS.flatMap((step) => step(plan, tree))
  await writeAll(ROOT, edits, GENERATED, () => finish(plan))
  const registered = edits.map(({ path }) => path).filter((path) => !path.startsWith(`services/${plan.name}/`))
  tell(plan, registered)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = error instanceof BadName ? 2 : 1
}

/** Another name may break lines elsewhere; what is generated is committed; and nobody should have to install for one link. */
async function finish({ name }: Plan): Promise<void> {
  await run('biome', ['check', '--write', `services/${name}`])
  const filters = [`--filter=@jan/${name}`, '--filter=@jan/scripts']
  await run('turbo', ['run', 'generate', ...filters, '--output-logs=errors-only', '--no-update-notifier'])
  await run('node', ['scripts/merge-openapi.ts'])
  const link = join(ROOT, 'node_modules/@jan', name)
  rmSync(link, { force: true })
  symlinkSync(`../../services/${name}`, link, 'junction')
}

/** @throws Error with what the command said when it fails */
async function run(command: string, args: string[]): Promise<void> {
  try {
    await promisify(execFile)(join(ROOT, 'node_modules/.bin', command), args, { cwd: ROOT, maxBuffer: 2 ** 26 })
    interrupted.signal.throwIfAborted()
  } catch (error) {
    const { message, stdout = '', stderr = '' } = error as Error & { stdout?: string; stderr?: string }
    const why = `${stdout}${stderr}`.trim() || message
    throw new Error(`${command} ${args[0]} failed, so everything was taken back:\n${why}`, { cause: error })
  }
}

function tell({ name, subject, port, database }: Plan, registered: string[]): void {
  console.log(`Made services/${name}: port ${port}, database ${database}, /v1/${subject}/notes.
Registered it in ${registered.join(', ')}.
Generated its OpenAPI document and ${GENERATED[0]}.
Next:
  make verify         checks it with all the rest
  make start          runs it with all the rest
  services/${name}/README.md says where to change what`)
}
