import { expect, test } from '@jest/globals'
import { fuseRanks } from './fuse-ranks.ts'

test('what is first everywhere has 1, and what is in several lists comes before what is in one [B-023]', () => {
  const fused = fuseRanks([
    ['a', 'b', 'c'],
    ['a', 'c', 'd'],
  ])
  expect(fused.map(({ item }) => item)).toEqual(['a', 'c', 'b', 'd'])
  expect(fused[0]!.score).toBeCloseTo(1)
  expect(fused[3]!.score).toBeCloseTo(61 / 63 / 2)
})

test('one list keeps its order, and none has nothing', () => {
  expect(fuseRanks([['x', 'y']]).map(({ item }) => item)).toEqual(['x', 'y'])
  expect(fuseRanks([])).toEqual([])
})
