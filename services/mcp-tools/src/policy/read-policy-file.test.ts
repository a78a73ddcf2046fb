import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import { findPolicyFile, readPolicyFile } from './read-policy-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'tool-policy-'))
afterAll(() => rmSync(folder, { recursive: true }))

test.each([
  ['rules: [', 'Flow sequence'],
  ['rules: []\nrules: []', 'unique'],
  ['rules: [{server: !jan, decide: deny}]', 'Unresolved tag'],
  ['', 'the document: '],
  ['rules: [{decide: perhaps}]', 'rules.0.decide: '],
  ['rules: [{decide: allow, tols: x}]', 'rules.0: Unrecognized key: "tols"'],
  ['rules: [{decide: allow, who: nobody}]', 'rules.0.who: expected guest, user, key,'],
  ['rules: [{decide: allow, rate: 30/minute}]', 'rules.0.rate: expected a rate such as 30/m'],
  ['rules: [{decide: allow, rate: 0/m}]', 'rules.0.rate: '],
  ['rules: [{decide: allow, arguments: {url: x}}]', 'expected a JSON pointer'],
  ['rules: [{decide: allow, arguments: {/a: {regex: "(?=x)"}}}]', 'at character 1'],
  ['rules: [{decide: allow, name: a}, {decide: deny, name: a}]', "rules.1.name: two rules are named 'a'"],
])('%j is wrong, and where is told [B-043]', (text, words) => {
  const path = join(folder, 'rules.yml')
  writeFileSync(path, text)
  expect(() => readPolicyFile({ file: 'rules.yml', path })).toThrow(words)
  expect(() => readPolicyFile({ file: 'rules.yml', path })).toThrow(/^rules\.yml: /)
})

test('a file that is not there is an error that names its variable [B-043]', () => {
  expect(() => readPolicyFile(findPolicyFile('no/such.yml'))).toThrow(
    'no/such.yml: cannot be read (MCP_TOOL_POLICY_FILE)',
  )
})
