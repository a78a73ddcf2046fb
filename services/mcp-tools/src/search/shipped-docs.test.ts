import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createShippedDocs } from './shipped-docs.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'docs-'))
  await writeFile(
    join(folder, 'herons.md'),
    '# Herons\n\n<!-- bench:herons -->\n\n| Year | Nests |\n| --- | --- |\n| 2024 | 17 |\n\n<!--\n## Owls\n\nOwls hoot.\n-->\nHerons stand.\n',
  )
})
afterAll(() => rm(folder, { recursive: true }))

test('what is found in the docs holds no comments, and comments are not searched [B-126]', async () => {
  const docs = createShippedDocs({ folder, baseUrl: 'http://docs.example' })
  expect(await docs.search('herons nests', 5)).toMatchObject([
    { title: 'Herons', snippet: expect.stringMatching(/^Year Nests .*2024 17 Herons stand\.$/) },
  ])
  expect(await docs.search('owls hoot', 5)).toEqual([])
})
