import { addToDocs } from './add-to-docs.ts'
import { addToGateway } from './add-to-gateway.ts'
import { addToLock } from './add-to-lock.ts'
import { addToPlatform } from './add-to-platform.ts'
import { copyTemplate } from './copy-template.ts'
import type { Plan } from './plan.ts'
import type { FileEdit, Tree } from './tree.ts'

/** Says what has to be written, and writes nothing itself. @throws Error when it cannot be done */
export type Step = (plan: Plan, tree: Tree) => FileEdit[]

/** Every place that must know a service. No two steps write one file. */
export const STEPS: Step[] = [copyTemplate, addToLock, addToPlatform, addToGateway, addToDocs]
