import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { isOwnFile } from './memory-snapshot.ts'

test('a snapshot counts only when it is a file of this user', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'jan-snapshot-'))
  const file = join(folder, 'a.snapshot')
  await writeFile(file, 'bytes')
  expect(await isOwnFile(file)).toBe(true)
  expect(await isOwnFile(file, process.getuid!() + 1)).toBe(false)
  expect(await isOwnFile(folder)).toBe(false)
  expect(await isOwnFile(join(folder, 'absent'))).toBe(false)
  await rm(folder, { recursive: true })
})
