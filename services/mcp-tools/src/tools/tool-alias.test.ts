import { expect, test } from '@jest/globals'
import { aliasOf } from './tool-alias.ts'

const FITS = /^[A-Za-z0-9_-]{1,64}$/

test('a name that fits stays as it is [B-010]', () => {
  expect(aliasOf('github', 'create-issue_2')).toBe('github__create-issue_2')
  expect(aliasOf('a', 'x'.repeat(61))).toBe(`a__${'x'.repeat(61)}`)
})

test.each([
  ['a dot', 'files', 'read.file'],
  ['a slash and a space', 'files', 'read / file'],
  ['65 characters', 'a', 'x'.repeat(62)],
  ['300 characters', 'server', 'x'.repeat(300)],
  ['other letters', 'wetter', 'größe_名前'],
  ['nothing that can be read', '服务', '名前'],
  ['half a character', 's', '\ud800'],
])('a name with %s gets an alias that fits, and the same one every time [B-010]', (_what, server, tool) => {
  const alias = aliasOf(server, tool)
  expect(alias).toMatch(FITS)
  expect(alias).toBe(aliasOf(server, tool))
})

test('names that look alike get different aliases [B-010]', () => {
  const pairs = [
    ['files', 'read.file'],
    ['files', 'read/file'],
    ['files', 'read file'],
    ['files.read', 'file'],
    ['long', 'x'.repeat(100)],
    ['long', 'x'.repeat(101)],
    ['a.', 'b__c'],
    ['a.__b', 'c'],
  ] as const
  expect(new Set(pairs.map(([server, tool]) => aliasOf(server, tool))).size).toBe(pairs.length)
  expect(aliasOf('files', 'read.file')).toMatch(/^files__read_file_[0-9a-f]{8}$/)
})
