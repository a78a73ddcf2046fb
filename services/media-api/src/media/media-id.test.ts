import { MediaId } from '@jan/contracts/media'
import { expect, test } from '@jest/globals'
import { createMediaIds } from './media-id.ts'

test('ids are well formed, differ, and rise even inside one millisecond', () => {
  const next = createMediaIds(() => new Date(1_700_000_000_000))
  const ids = Array.from({ length: 1000 }, next)
  expect(ids.every((id) => MediaId.safeParse(id).success)).toBe(true)
  expect(new Set(ids).size).toBe(1000)
  expect(ids.toSorted()).toEqual(ids)
})

test('two processes that start in the same millisecond make different ids', () => {
  const [one, other] = [createMediaIds(() => new Date(1)), createMediaIds(() => new Date(1))]
  expect(one()).not.toBe(other())
})
