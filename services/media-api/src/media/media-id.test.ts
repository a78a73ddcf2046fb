import { MediaId } from '@jan/contracts/media'
import { idsFrom, newId } from '@jan/service-kit/ids'
import { expect, test } from '@jest/globals'
import { mediaIdFor } from './media-id.ts'

const startedAt = new Date(1_700_000_000_000)

test('ids are well formed, differ, and rise with time [M-020]', () => {
  const ids = Array.from({ length: 1000 }, () => mediaIdFor({ startedAt, newId }))
  expect(ids.every((id) => MediaId.safeParse(id).success)).toBe(true)
  expect(new Set(ids).size).toBe(1000)
  expect(ids.toSorted()).toEqual(ids)
  const later = mediaIdFor({ startedAt: new Date(startedAt.getTime() + 1), newId })
  expect([...ids, later].sort().at(-1)).toBe(later)
})

test('the tries of one request get one id [T-13]', () => {
  const ids = Array.from({ length: 3 }, () => mediaIdFor({ startedAt, newId: idsFrom('seed') }))
  expect(new Set(ids).size).toBe(1)
})
