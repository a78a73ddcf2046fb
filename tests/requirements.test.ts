import { execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { citationsIn } from './citations.ts'
import { countOpen, judgeRequirements, openTable } from './judge-requirements.ts'
import type { Requirement } from './requirements/row.ts'
import { requirements } from './requirements.ts'

const ROOT = resolve(import.meta.dirname, '..')
const files = globSync('{packages,services,tests,scripts}/**/*.test.ts', {
  cwd: ROOT,
  exclude: (name) => name === 'node_modules' || name === 'generated',
})

test('the requirements and the tests that cite them agree [T-32 T-33]', () => {
  const citations = files.flatMap((file) => citationsIn(readFileSync(join(ROOT, file), 'utf8'), file))
  process.stdout.write(`requirements: ${countOpen(requirements)}\n`)
  expect(judgeRequirements(requirements, citations)).toEqual([])
})

test('the open ones are listed by room [T-34]', () => {
  const listed = execFileSync(process.execPath, [join(ROOT, 'tests/requirements.ts')], { encoding: 'utf8' })
  expect(listed).toBe(openTable(requirements))
  expect(openTable([row('H-01'), row('T-01', 'open'), { ...row('P-001', 'open'), room: 'media' }])).toBe(
    'house\n  T-01   It works. (a promise)\n\nmedia\n  P-001  It works. (a promise)\n\n2 open: house 1, media 1\n',
  )
})

const row = (id: string, state: Requirement['state'] = 'done'): Requirement => ({
  id,
  says: 'It works.',
  source: 'a promise',
  room: 'house',
  state,
})
const cites = (...ids: string[]) => ids.map((id) => ({ id, file: 'a.test.ts', title: `it works [${id}]` }))

describe('what is judged', () => {
  test('rows with their tests are well, open ones with and without', () => {
    const rows = [row('H-01'), row('H-02', 'open'), row('T-01', 'open'), row('P-001', { shownBy: 'make bench' })]
    expect(judgeRequirements(rows, cites('H-01', 'T-01'))).toEqual([])
  })

  test.each<[string, Requirement[], string[], string]>([
    ['a done row without a test', [row('H-01')], [], 'H-01 is done, but no test cites it: It works.'],
    ['an id that does not exist', [], ['H-09'], 'H-09 does not exist, but a.test.ts cites it: it works [H-09]'],
    ['an id twice', [row('H-01', 'open'), row('H-01', 'open')], [], 'H-01 is given twice'],
    ['ids out of order', [row('H-01', 'open'), row('H-03', 'open'), row('H-02', 'open')], [], 'H-02 is out of order'],
    ['a list that begins late', [row('T-02', 'open')], [], 'T-02 is out of order after nothing'],
    ['a refusal without a reason', [row('H-01', { refused: '' })], [], 'H-01 is refused, but not why'],
    ['a refusal with a test', [row('H-01', { refused: 'no' })], ['H-01'], 'H-01 is refused, but a test cites it'],
    [
      'a command that is missing',
      [row('H-01', { shownBy: '' })],
      [],
      'H-01 is shown by a command, but not why or which',
    ],
    ['a command beside a test', [row('H-01', { shownBy: 'x' })], ['H-01'], 'H-01 is shown by a command, but a test'],
    ['no id', [row('X-1', 'open')], [], 'X-1 is not well formed'],
    ['no sentence', [{ ...row('H-01', 'open'), says: '' }], [], 'H-01 is not well formed'],
  ])('%s is told', (_name, rows, cited, problem) => {
    expect(judgeRequirements(rows, cites(...cited))).toContainEqual(expect.stringContaining(problem))
  })
})

test('ids count in titles of tests, groups and tables, and nowhere else', () => {
  // Inserted, because a test file may not say it.
  const [skip, todo, x] = ['skip', 'todo', 'x']
  const source = `
    // test('in a comment [H-01]', () => {})
    describe('a group [H-02]', () => {
      test('several [H-03 T-04]', async () => expect('[H-05]').toBe(say('not a title [H-06]')))
      test.each([['a cell [H-07]', 1]])('a table [P-008]', (name: string) => {})
    })
    test(\`a template \${name} [H-09]\`, () => {})
    note('a text beside another [H-10]', shared)
    test('a slip [H-11,H-12]', function () {})
    test.${skip}('not run [H-13]', () => {})
    test.${todo}.each([[1]])('not written [H-14]', () => {})
    ${x}test('not run [H-15]', () => {})
    describe.${skip}('not run', () => {
      test('with its group [H-16]', () => {})
    })
  `
  expect(citationsIn(source, 'a.test.ts').map(({ id }) => id)).toEqual([
    'H-02',
    'H-03',
    'T-04',
    'P-008',
    'H-09',
    'H-11,H-12',
  ])
})
