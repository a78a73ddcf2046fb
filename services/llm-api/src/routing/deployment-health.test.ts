import { describe, expect, test } from '@jest/globals'
import type { Deployment } from '../models/offered-model.ts'
import { chooseDeployments } from './choose-deployments.ts'
import { createDeploymentHealth, type HealthNews } from './deployment-health.ts'

function healthOn() {
  const clock = { now: 1_000_000 }
  const told: HealthNews[] = []
  const health = createDeploymentHealth({ now: () => clock.now, random: () => 0, tell: (news) => told.push(news) })
  const fail = (id: string, times: number) => {
    for (let count = 0; count < times; count += 1) health.failed(id)
  }
  return { clock, told, health, fail }
}

describe('health [L-023]', () => {
  test('three failures in a row make a place cool down; a success between them does not', () => {
    const { health, fail } = healthOn()
    fail('a', 2)
    health.succeeded('a')
    fail('a', 2)
    expect(health.stateOf('a')).toBe('well')
    expect(health.failed('a')).toBe(true)
    expect(health.stateOf('a')).toBe('cooling')
  })

  test('failures far apart are not in a row', () => {
    const { clock, health, fail } = healthOn()
    fail('a', 2)
    clock.now += 61_000
    fail('a', 2)
    expect(health.stateOf('a')).toBe('well')
  })

  test('when it has cooled down one request probes it; others stay away until that one has come back', () => {
    const { clock, health, fail } = healthOn()
    fail('a', 3)
    clock.now += 5_000
    expect([health.stateOf('a'), health.stateOf('a')]).toEqual(['probe', 'cooling'])
    health.succeeded('a')
    expect(health.stateOf('a')).toBe('well')
  })

  test('a probe that fails cools for twice as long, and one that never comes back is tried again', () => {
    const { clock, health, fail } = healthOn()
    fail('a', 3)
    clock.now += 5_000
    expect(health.stateOf('a')).toBe('probe')
    expect(health.failed('a')).toBe(true)
    clock.now += 9_999
    expect(health.stateOf('a')).toBe('cooling')
    clock.now += 1
    expect(health.stateOf('a')).toBe('probe')
    clock.now += 30_000
    expect(health.stateOf('a')).toBe('probe')
  })

  test('one that asks for time gets it at once, but not for ever', () => {
    const { clock, health } = healthOn()
    expect(health.failed('a', 20_000)).toBe(true)
    clock.now += 19_999
    expect(health.stateOf('a')).toBe('cooling')
    expect(health.coolUntil('a')).toBe(clock.now + 1)
    health.failed('b', 86_400_000)
    expect(health.coolUntil('b')).toBe(clock.now + 120_000)
  })

  test('what one replica finds the others know, also that it is well again', () => {
    const [one, other] = [healthOn(), healthOn()]
    one.fail('a', 3)
    for (const news of one.told) other.health.hear(news)
    expect(other.health.stateOf('a')).toBe('cooling')
    one.clock.now += 5_000
    one.health.stateOf('a')
    one.health.succeeded('a')
    other.health.hear(one.told.at(-1)!)
    expect(other.health.stateOf('a')).toBe('well')
    // News that is over says nothing.
    other.health.hear({ id: 'b', until: 1, level: 3 })
    expect(other.health.stateOf('b')).toBe('well')
  })
})

describe('choice [L-020]', () => {
  const place = (id: string, weight = 1) => ({ id, weight }) as Deployment
  const ids = ({ deployments }: { deployments: Deployment[] }) => deployments.map(({ id }) => id).join('')
  const well = { stateOf: () => 'well' as const, coolUntil: () => 0 }

  test('places are drawn by their weights', () => {
    const places = [place('a', 1), place('b', 3)]
    const firsts = Array.from({ length: 100 }, (_, index) =>
      ids(chooseDeployments(places, well, () => index / 100)).charAt(0),
    )
    expect(firsts.filter((id) => id === 'b')).toHaveLength(75)
  })

  test('one of weight 0 comes after all that are well, and one that cools after those', () => {
    const { health, fail } = healthOn()
    fail('c', 3)
    const choice = chooseDeployments([place('c'), place('z', 0), place('a')], health, () => 0)
    expect([ids(choice), choice.isDesperate]).toEqual(['azc', false])
  })

  test('one that is to be probed goes first, one at a time', () => {
    const { clock, health, fail } = healthOn()
    fail('b', 3)
    fail('c', 3)
    clock.now += 6_000
    const places = [place('a'), place('b'), place('c')]
    expect(ids(chooseDeployments(places, health, () => 0))).toBe('bac')
    expect(ids(chooseDeployments(places, health, () => 0))).toBe('cab')
    expect(ids(chooseDeployments(places, health, () => 0)).charAt(0)).toBe('a')
  })

  test('when none is well the one that has cooled longest is asked, once', () => {
    const { clock, health, fail } = healthOn()
    fail('a', 3)
    clock.now += 1_000
    fail('b', 3)
    const choice = chooseDeployments([place('b'), place('a')], health, () => 0)
    expect([ids(choice), choice.isDesperate]).toEqual(['ab', true])
    expect(chooseDeployments([place('a')], health, () => 0).isDesperate).toBe(true)
  })
})
