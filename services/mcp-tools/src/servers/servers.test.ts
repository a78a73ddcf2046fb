/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the file, not of these tests */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { isHarmless } from './foreign-schema.ts'
import { readServerFile } from './read-server-file.ts'
import { skeletonOf } from './server-names.ts'
import { openRecord } from './server-spec.ts'

const headersOf = (text: string, variables = {}) => {
  const [server] = readServerFile(text, variables).servers!
  return openRecord((server!.reach as { headers: Parameters<typeof openRecord>[0] }).headers)
}
const withHeader = (value: string) => `providers: [{name: a, url: 'http://a.test', headers: {x: '${value}'}}]`

describe('the file of servers', () => {
  test.each([
    ['pa$$word', 'pa$$word'],
    ['$HOME', '$HOME'],
    ['100$', '100$'],
    ['${SET}', 'value'],
    ['${SET:-other}', 'value'],
    ['${UNSET:-http://x:1/?a=b}', 'http://x:1/?a=b'],
    ['${EMPTY:-filled}', 'filled'],
    ['a${UNSET}b', 'ab'],
    ['$${SET}', '${SET}'],
  ])('%s is read as %s [B-034 B-069]', (written, read) => {
    expect(headersOf(withHeader(written), { SET: 'value', EMPTY: '' })).toEqual({ x: read })
  })

  test('names the line and the field of what is wrong, and never a value [B-034]', () => {
    const { servers, problems } = readServerFile(
      [
        'providers:',
        '  - name: good',
        '    url: http://a.test',
        '  - name: bad__name',
        '    url: http://hunter2.test',
        '  - name: nowhere',
        '  - name: odd',
        '    url: http://a.test',
        '    hedders: {x: hunter2}',
        '  - name: G00D',
        '    url: http://a.test',
        '  - just text',
      ].join('\n'),
      {},
    )
    expect(servers!.map(({ name }) => name)).toEqual(['good'])
    expect(problems.map((problem) => problem.split(':').slice(0, 2).join(':'))).toEqual([
      'line 4: name',
      'line 6: url',
      'line 7: unknown field hedders',
      'line 12: the entry',
      'line 10: name',
    ])
    expect(problems.join()).not.toContain('hunter2')
  })

  test('that is no YAML at all says so and names no servers; an empty one has none [B-034]', () => {
    expect(readServerFile('providers: [', {})).toMatchObject({
      servers: undefined,
      problems: [expect.stringMatching(/line \d+: is no YAML/)],
    })
    expect(readServerFile('', {})).toEqual({ servers: [], problems: [] })
    expect(readServerFile('providers:', {})).toEqual({ servers: [], problems: [] })
  })

  test('takes what older files say, and the one that is shipped switches nothing on [B-034]', () => {
    const old =
      'providers: [{name: a, endpoint: "http://a.test", type: mcp-http, proxy_mode: true, tools: []}]\nsettings: {x: 1}'
    expect(readServerFile(old, {}).servers).toMatchObject([{ reach: { type: 'http', url: 'http://a.test' } }])
    const shipped = readFileSync(new URL('../../../../config/mcp-providers.yml', import.meta.url), 'utf8')
    const { servers, problems } = readServerFile(shipped, {})
    expect(problems).toEqual([])
    expect(servers!.filter(({ enabled }) => enabled)).toEqual([])
  })
})

test.each([
  ['read_file', 'readFile'],
  ['read-file', 'READ_FILE'],
  ['list1', 'listl'],
  ['google_search', 'gооgle_sеarch'],
  ['modern', 'modem'],
  ['ｊａｎ', 'jan'],
])('%s looks like %s [B-040]', (one, other) => {
  expect(skeletonOf(one)).toBe(skeletonOf(other))
})

test.each([
  ['^[a-z]+$', true],
  ['^\\d{4}-\\d{2}-\\d{2}$', true],
  ['^(?:ab)+$', true],
  ['^(a+)+$', false],
  ['^(a|a)*$', false],
  ['(?=a)b', false],
  ['(a)\\1+', false],
  ['a*b*c*d*e*', false],
  ['(', false],
])('the pattern %s may be run here: %s [B-041]', (pattern, harmless) => {
  expect(isHarmless(pattern)).toBe(harmless)
})
