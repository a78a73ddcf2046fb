import type { Plan } from './plan.ts'
import type { FileEdit, Tree } from './tree.ts'

const LOCK = 'package-lock.json'
type Lock = { packages: Record<string, object> }

/** The workspace and its link, as npm would lock them: what the template needs, the new service needs. */
export function addToLock({ name }: Plan, tree: Tree): FileEdit[] {
  const lock = JSON.parse(tree.read(LOCK)) as Lock
  const template = lock.packages['services/template-api']
  if (!template) throw new Error(`${LOCK} does not know services/template-api`)
  const packages = {
    ...lock.packages,
    [`node_modules/@jan/${name}`]: { resolved: `services/${name}`, link: true },
    [`services/${name}`]: { ...template, name: `@jan/${name}` },
  }
  const sorted = Object.fromEntries(Object.entries(packages).sort(([one], [other]) => (one < other ? -1 : 1)))
  return [{ path: LOCK, content: `${JSON.stringify({ ...lock, packages: sorted }, null, 2)}\n` }]
}
