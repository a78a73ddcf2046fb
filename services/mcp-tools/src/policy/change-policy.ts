import type { Person } from '@jan/service-kit/auth'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { policyChanged } from '../events.ts'
import type { ToolPolicy } from './policy.schema.ts'
import type { CurrentPolicy } from './policy.ts'

type Needs = Pick<Deps, 'policy' | 'policies' | 'changes' | 'now'>

/** In place of the file from now on; other replicas follow within seconds. */
export async function setPolicy(deps: Needs, who: Who<Person>, policy: ToolPolicy): Promise<CurrentPolicy> {
  await deps.policies.save({ document: policy, updatedAt: deps.now(), updatedBy: who.caller.subject })
  policyChanged(who.log, { actor: who.caller, change: 'set', rules: policy.rules.length })
  deps.changes.publish({ kind: 'tools_list_changed' })
  return deps.policy.current()
}

/** The file holds again. */
export async function resetPolicy(deps: Needs, who: Who<Person>): Promise<CurrentPolicy> {
  const wasSet = await deps.policies.delete()
  if (wasSet) {
    policyChanged(who.log, { actor: who.caller, change: 'reset' })
    deps.changes.publish({ kind: 'tools_list_changed' })
  }
  return deps.policy.current()
}
