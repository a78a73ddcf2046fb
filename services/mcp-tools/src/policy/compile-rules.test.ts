import type { Caller, Person } from '@jan/service-kit/auth'
import { describe, expect, test } from '@jest/globals'
import type { Asked } from '../tools/surface.ts'
import { LONGEST_TEXT } from './argument-conditions.ts'
import { compileRules } from './compile-rules.ts'
import { type PolicyRule, ToolPolicy } from './policy.schema.ts'
import type { JudgedTool } from './policy.ts'
import { findPolicyFile, readPolicyFile } from './read-policy-file.ts'

const person = (kind: Person['kind'], more: Partial<Person> = {}): Person => ({
  kind,
  subject: kind,
  workspaceId: kind,
  roles: kind === 'guest' ? ['guest'] : [],
  ...more,
})
const PEOPLE = {
  guest: person('guest'),
  user: person('user'),
  admin: person('user', { roles: ['admin'] }),
  key: person('key', { keyId: 'k', scopes: ['mcp'] }),
  adminKey: person('key', { keyId: 'k', roles: ['admin'] }),
  narrowAdminKey: person('key', { keyId: 'k', roles: ['admin'], scopes: ['mcp'] }),
  guestKey: person('key', { keyId: 'k', roles: ['guest'] }),
  service: { kind: 'service', service: 'response-api' },
} satisfies Record<string, Caller>
type Name = keyof typeof PEOPLE

const HINTS = { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false }
const tool = (name: string, more: Partial<JudgedTool> = {}): JudgedTool => ({
  name,
  server: 'jan',
  paid: false,
  annotations: HINTS,
  ...more,
})
const asked = (caller: Caller, more: Partial<Asked> = {}): Asked => ({ caller, surface: 'mcp', ...more })
const judging = (rules: object[], more: object = {}) => {
  const compiled = compileRules(ToolPolicy.parse({ rules, ...more }))
  return (who: Asked, what: JudgedTool, args?: unknown) => compiled.judge(who, what, args).decision
}
const fitting = (rule: object, asks: Asked, what = tool('x')) =>
  judging([{ ...rule, decide: 'allow' } as Partial<PolicyRule>])(asks, what) === 'allow'
const namesFitting = (rule: object) =>
  (Object.keys(PEOPLE) as Name[]).filter((name) => fitting(rule, asked(PEOPLE[name])))

describe('rules [B-043]', () => {
  test('the first that fits decides, and the last word when none does', () => {
    const judge = judging([
      { tool: 'a*', decide: 'ask' },
      { tool: 'ab', decide: 'allow' },
      { tool: 'c', decide: 'allow' },
    ])
    expect(['ab', 'c', 'd'].map((name) => judge(asked(PEOPLE.user), tool(name)))).toEqual(['ask', 'allow', 'deny'])
    expect(judging([], { otherwise: 'ask' })(asked(PEOPLE.user), tool('a'))).toBe('ask')
  })

  test.each([
    [[], 'deny', true],
    [[], 'ask', false],
    [[{ decide: 'deny' }], 'allow', true],
    [[{ server: 'far', decide: 'deny' }, { decide: 'allow' }], 'deny', true],
    [[{ server: 'near', decide: 'deny' }, { decide: 'allow' }], 'deny', false],
    [[{ who: 'guest', decide: 'allow' }], 'deny', true],
    [[{ tool: 'a', decide: 'deny' }, { decide: 'allow' }], 'deny', false],
    [[{ tool: 'a', decide: 'ask' }, { decide: 'deny' }], 'allow', false],
    [
      [
        { paid: true, decide: 'deny' },
        { annotations: { destructive: true }, decide: 'deny' },
      ],
      'deny',
      true,
    ],
    [[{ arguments: { '/x': 'y' }, decide: 'deny' }], 'allow', false],
  ])('%j, and else %s, exclude all of a server: %s [B-109]', (rules, otherwise, excluded) => {
    const { excludes } = compileRules(ToolPolicy.parse({ rules, otherwise }))
    expect(excludes(asked(PEOPLE.user), 'far')).toBe(excluded)
  })

  test.each([
    [{ who: 'guest' }, ['guest', 'guestKey']],
    [{ who: 'user' }, ['user', 'admin']],
    [{ who: 'key' }, ['key', 'adminKey', 'narrowAdminKey']],
    [{ who: 'admin' }, ['admin', 'adminKey']],
    [{ who: 'service' }, ['service']],
    [{ who: ['guest', 'service'] }, ['guest', 'guestKey', 'service']],
    [{ who: 'everyone' }, Object.keys(PEOPLE)],
    [{}, Object.keys(PEOPLE)],
    [{ who: 'key', scope: 'mcp' }, ['key', 'adminKey', 'narrowAdminKey']],
    [{ who: 'key', scope: ['chat', 'media*'] }, ['adminKey']],
  ])('%j is about %j', (rule, names) => {
    expect(namesFitting(rule)).toEqual(names)
  })

  test('surfaces and assistants', () => {
    const chat = asked(PEOPLE.user, { surface: 'chat', assistantId: 'asst_1' })
    expect(fitting({ surface: ['chat', 'responses'] }, chat)).toBe(true)
    expect(fitting({ surface: 'mcp' }, chat)).toBe(false)
    expect(fitting({ assistant: 'asst_*' }, chat)).toBe(true)
    expect(fitting({ assistant: 'asst_2' }, chat)).toBe(false)
    expect(fitting({ assistant: '*' }, asked(PEOPLE.user))).toBe(false)
  })

  test('servers, tools, money and what a tool says of itself', () => {
    const user = asked(PEOPLE.user)
    const bridged = tool('gh__drop', { server: 'gh' })
    expect(fitting({ server: ['!jan', '!platform'] }, user, bridged)).toBe(true)
    expect(fitting({ server: ['!jan', '!platform'] }, user, tool('x'))).toBe(false)
    expect(fitting({ server: 'g?', tool: ['gh__*', '!*_drop'] }, user, bridged)).toBe(false)
    expect(fitting({ annotations: { destructive: true } }, user, bridged)).toBe(true)
    const reading = { annotations: { ...HINTS, readOnlyHint: true, openWorldHint: true } }
    expect(fitting({ annotations: { destructive: true } }, user, tool('x', reading))).toBe(false)
    expect(fitting({ annotations: { read_only: true, open_world: true } }, user, tool('x', reading))).toBe(true)
    expect(fitting({ annotations: { idempotent: true } }, user, tool('x', reading))).toBe(false)
    expect(fitting({ paid: false }, user, tool('x', { paid: true }))).toBe(false)
    const judge = judging([{ paid: true, decide: 'allow' }], { paid: ['maps__*'] })
    expect(judge(user, tool('maps__route'))).toBe('allow')
    expect(judge(user, tool('other'))).toBe('deny')
  })

  test('a tool is listed when there are arguments with which it may be called', () => {
    const user = asked(PEOPLE.user)
    const near = { tool: 'get', arguments: { '/url': 'https://here/*' } }
    expect(judging([{ ...near, decide: 'allow' }])(user, tool('get'))).toBe('allow')
    expect(judging([{ ...near, decide: 'allow' }])(user, tool('get'), { url: 'https://there/' })).toBe('deny')
    expect(judging([{ ...near, decide: 'allow' }])(user, tool('get'), { url: 'https://here/x' })).toBe('allow')
    const far = judging([{ ...near, decide: 'deny' }, { decide: 'ask' }])
    expect(far(user, tool('get'))).toBe('ask')
    expect(far(user, tool('get'), { url: 'https://here/x' })).toBe('deny')
    expect(far(user, tool('get'), {})).toBe('ask')
    expect(judging([{ ...near, decide: 'deny' }])(user, tool('get'))).toBe('deny')
  })
})

describe('conditions on arguments [B-043]', () => {
  const decisions = (conditions: object, args: unknown) =>
    (['allow', 'deny'] as const).map(
      (decide) =>
        judging([{ arguments: conditions, decide }, { decide: 'ask' }])(asked(PEOPLE.user), tool('x'), args) === decide,
    )

  test.each<[string, object, unknown, boolean[]]>([
    ['a number is what JSON writes', { '/n': '1?' }, { n: 12 }, [true, true]],
    ['deep, in lists and with escapes', { '/a~1b/0/c': 'x' }, { 'a/b': [{ c: 'x' }] }, [true, true]],
    ['all of several', { '/a': 'x', '/b': 'y' }, { a: 'x', b: 'z' }, [false, false]],
    ['one of several globs', { '/a': ['y', 'x'] }, { a: 'x' }, [true, true]],
    ['what is absent is neither', { '/a': '*' }, {}, [false, false]],
    ['of a list one refuses, all allow', { '/a': 'x*' }, { a: ['x1', 'y'] }, [false, true]],
    ['an empty list is neither', { '/a': '*' }, { a: [] }, [false, false]],
    ['a regex is about the whole', { '/a': { regex: 'b+' } }, { a: 'abb' }, [false, false]],
    ['a regex in any case', { '/a': { regex: 'b+', ignore_case: true } }, { a: 'BB' }, [true, true]],
    ['too long refuses and never allows', { '/a': '*' }, { a: 'x'.repeat(LONGEST_TEXT + 1) }, [false, true]],
    ['nothing is inherited', { '/constructor/name': '*' }, {}, [false, false]],
    ['arguments that are no object', { '/a': '*' }, 'a', [false, false]],
  ])('%s', (_what, conditions, args, fits) => {
    expect(decisions(conditions, args)).toEqual(fits)
  })
})

test('the shipped rules: guests what costs nothing, people all, and what destroys elsewhere is asked about [B-044]', () => {
  const rules = compileRules(readPolicyFile(findPolicyFile('config/tool-policy.yml')).policy)
  const tools = {
    time: tool('get_time'),
    free: tool('scrape'),
    platform: tool('jan__list_models', { server: 'platform' }),
    paid: tool('search', { paid: true }),
    bridged: tool('gh__read', { server: 'gh', annotations: { ...HINTS, readOnlyHint: true } }),
    destroys: tool('gh__drop', { server: 'gh' }),
  }
  const all = (caller: Caller) => Object.values(tools).map((each) => rules.judge(asked(caller), each).decision)
  const GUEST = ['allow', 'allow', 'allow', 'deny', 'deny', 'deny']
  const USER = ['allow', 'allow', 'allow', 'allow', 'allow', 'ask']
  expect(all(PEOPLE.guest)).toEqual(GUEST)
  expect(all(PEOPLE.guestKey)).toEqual(GUEST)
  expect(all(PEOPLE.service)).toEqual(GUEST)
  for (const name of ['user', 'key', 'admin'] as const) expect(all(PEOPLE[name])).toEqual(USER)
  expect(rules.judge(asked(PEOPLE.guest), tools.time).rule?.rate).toBeUndefined()
  expect(rules.judge(asked(PEOPLE.guest), tools.free).rule?.rate).toEqual({ calls: 30, seconds: 60 })
})
