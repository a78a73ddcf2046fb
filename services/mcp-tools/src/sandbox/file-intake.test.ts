import { expect, test } from '@jest/globals'
import { createFileIntake } from './file-intake.ts'

const bytes = (length: number) => new Uint8Array(length)

test('a file that is not taken is told with the limits [B-123]', () => {
  const intake = createFileIntake({ maxFiles: 2, maxFileBytes: 10 << 20 })
  for (const [name, size] of [
    ['a', 1],
    ['large', 11 << 20],
    ['b', 1],
    ['c', 1],
  ] as const)
    intake.add(name, bytes(size))
  const reason = 'Too many files, or too large: at most 2 are taken, of 10 MiB together'
  expect(intake.files().map(({ name }) => name)).toEqual(['a', 'b'])
  expect(intake.leftFiles()).toEqual([
    { name: 'large', bytes: 11 << 20, reason },
    { name: 'c', bytes: 1, reason },
  ])
})

test('a name that leads elsewhere, or comes twice, is the reason itself [B-123]', () => {
  const intake = createFileIntake({ maxFiles: 9, maxFileBytes: 9 })
  for (const name of ['../a', 'a', 'a']) intake.add(name, bytes(1))
  expect(intake.leftFiles()).toMatchObject([
    { name: '../a', reason: expect.stringMatching(/name/) },
    { name: 'a', reason: expect.stringMatching(/twice/) },
  ])
})
