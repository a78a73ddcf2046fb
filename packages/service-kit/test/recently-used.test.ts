import { expect, test } from '@jest/globals'
import { createRecentlyUsed } from '../src/recently-used.ts'

test('it holds no more than it may, and forgets what was used least recently', () => {
  const forgotten: string[] = []
  const known = createRecentlyUsed<string>({ most: 4, idleMs: 1_000 }, (value) => forgotten.push(value))
  for (const name of ['a', 'b', 'c', 'd']) known.set(name, name, 0)
  expect(known.get('a', 0)).toBe('a')
  known.set('e', 'e', 0)
  expect([forgotten, known.get('a', 0), known.get('b', 0)]).toEqual([['b'], 'a', undefined])
  for (let index = 0; index < 1_000; index++) known.set(`more-${index}`, `more-${index}`, 0)
  expect(1_005 - forgotten.length).toBeLessThanOrEqual(4)
})

test('it forgets what was idle, once something new comes', () => {
  const forgotten: string[] = []
  const known = createRecentlyUsed<string>({ most: 100, idleMs: 1_000 }, (value) => forgotten.push(value))
  known.set('old', 'old', 0)
  known.set('used', 'used', 0)
  known.set('a', 'a', 1_500)
  expect([known.get('used', 1_600), forgotten]).toEqual(['used', []])
  known.set('b', 'b', 2_600)
  expect([forgotten, known.get('used', 2_600)]).toEqual([['old'], 'used'])
})
