import type { Deployment } from '../models/offered-model.ts'
import type { DeploymentHealth } from './deployment-health.ts'

export type Choice = {
  /** In the order in which to try them. */
  deployments: Deployment[]
  /** None of them is well: one try must do. */
  isDesperate: boolean
}

/**
 * Whom to ask, in order: one that has cooled down and must be probed, then those that are well, drawn by weight, then
 * those of weight 0, then those that cool, the soonest first. Nobody is left out: a bad place is better than none.
 */
export function chooseDeployments(
  deployments: Deployment[],
  health: Pick<DeploymentHealth, 'stateOf' | 'coolUntil'>,
  random: () => number,
): Choice {
  if (deployments.length === 1) return { deployments, isDesperate: health.stateOf(deployments[0]!.id) === 'cooling' }
  const groups: Record<'probe' | 'well' | 'spare' | 'cooling', Deployment[]> = {
    probe: [],
    well: [],
    spare: [],
    cooling: [],
  }
  for (const deployment of deployments) {
    // Another probe is for the next request: this one shall not wait for two bad places.
    const state =
      groups.probe.length > 0 && health.coolUntil(deployment.id) > 0 ? 'cooling' : health.stateOf(deployment.id)
    groups[state === 'well' && deployment.weight <= 0 ? 'spare' : state].push(deployment)
  }
  const { probe, well, spare, cooling } = groups
  cooling.sort((one, other) => health.coolUntil(one.id) - health.coolUntil(other.id))
  return {
    deployments: [...probe, ...drawn(well, random), ...spare, ...cooling],
    isDesperate: probe.length + well.length + spare.length === 0,
  }
}

/** Each next one is drawn from those left, with a chance in proportion to its weight. */
function drawn(deployments: Deployment[], random: () => number): Deployment[] {
  const left = [...deployments]
  const order: Deployment[] = []
  while (left.length > 1) {
    let point = random() * left.reduce((sum, { weight }) => sum + weight, 0)
    const index = left.findIndex(({ weight }) => {
      point -= weight
      return point < 0
    })
    order.push(...left.splice(index < 0 ? left.length - 1 : index, 1))
  }
  return [...order, ...left]
}
