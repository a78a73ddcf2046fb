import { readdirSync } from 'node:fs'
import { problemOf } from '../../scripts/new-service/check-name.ts'
import { type Plan, planService } from '../../scripts/new-service/plan.ts'
import { readHouse } from '../../scripts/new-service/read-house.ts'
import { checkoutTree, type Tree } from '../../scripts/new-service/tree.ts'
import { ROOT } from './checkout-copy.ts'

/** This checkout, whatever services it has been given. */
export const checkout = checkoutTree(ROOT)
export const house = readHouse(checkout, readdirSync(`${ROOT}/services`))

/** A name that this checkout has not been given yet: one that has been given billing-api has these tests too. */
export function unusedName(): string {
  let name = 'billing-api'
  for (let tried = 2; problemOf(name, house); tried += 1) name = `billing-${tried}-api`
  return name
}
export const unused: Plan = planService(unusedName(), house)

/** A checkout of these files. */
export const treeOf = (files: Record<string, string>): Tree => ({
  read: (path) => {
    const text = files[path]
    if (text === undefined) throw new Error(`no ${path}`)
    return text
  },
  list: (folder) => Object.keys(files).filter((path) => path.startsWith(`${folder}/`)),
})

export const billing: Plan = {
  name: 'billing-api',
  subject: 'billing',
  port: 8191,
  database: 'billing_api',
  envPrefix: 'BILLING_API',
  databaseVariable: 'BILLING_DATABASE_URL',
}
