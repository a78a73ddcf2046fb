import { insertBefore } from './insert-before.ts'
import type { Plan } from './plan.ts'
import type { FileEdit, Tree } from './tree.ts'

const TABLE = 'packages/embedded/src/services.ts'

/** One entry: ports, variables, the database and the gateway's hosts follow from it. */
export function addToPlatform({ name, port, database }: Plan, tree: Tree): FileEdit[] {
  const key = name.includes('-') ? `'${name}'` : name
  const entry = `  ${key}: { port: ${port}, database: '${database}' },`
  return [{ path: TABLE, content: insertBefore(tree.read(TABLE), /^\} as const satisfies Record</, entry) }]
}
