import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseFieldKeys } from '@jan/service-kit/field-encryption'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { readSecrets } from './secrets.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'secrets-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

test('secrets are made once, for their owner only; what an older version did not make is added for good', () => {
  const { fresh, ...made } = readSecrets(folder)
  const file = join(folder, 'secrets.json')
  expect(fresh).toBe(true)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(parseFieldKeys(made.fieldEncryptionKeys)).toHaveLength(1)
  expect(readSecrets(folder)).toEqual({ ...made, fresh: false })

  const { fieldEncryptionKeys: _, ...old } = made
  writeFileSync(file, JSON.stringify(old))
  const mended = readSecrets(folder)
  expect(mended).toEqual({ ...old, fieldEncryptionKeys: mended.fieldEncryptionKeys, fresh: false })
  expect(parseFieldKeys(mended.fieldEncryptionKeys)).toHaveLength(1)
  expect(mended.fieldEncryptionKeys).not.toBe(made.fieldEncryptionKeys)
  expect(readSecrets(folder)).toEqual(mended)
  expect(JSON.parse(readFileSync(file, 'utf8'))).not.toHaveProperty('fresh')
  expect([readdirSync(folder), statSync(file).mode & 0o777]).toEqual([['secrets.json'], 0o600])
})
