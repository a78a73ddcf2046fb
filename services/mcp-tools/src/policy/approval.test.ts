import type { Caller } from '@jan/service-kit/auth'
import { expect, test } from '@jest/globals'
import { type Client, silentClient } from '../tools/client.ts'
import { findApproval } from './approval.ts'

const TOOL = { name: 'drop', title: 'Drop', server: 'gh' }
const caller: Caller = { kind: 'user', subject: 'ada', workspaceId: 'ada', roles: [] }
const YES = { approval: { action: 'accept', content: { approve: true } } }

/** A client that can ask, and remembers what it was handed with its questions. */
function askable(round: { answers?: Record<string, unknown>; state?: unknown } = {}) {
  const asked: { questions: Record<string, { params?: { message?: string } }>; state: unknown }[] = []
  const client: Client = {
    ...silentClient,
    can: { ...silentClient.can, elicit: true },
    answers: round.answers,
    state: <T>() => round.state as T | undefined,
    ask: async (questions, state) => {
      asked.push({ questions: questions as never, state })
      return { resultType: 'input_required', inputRequests: questions } as never
    },
  }
  return { client, asked }
}

/** What the client carries after it was asked about this call. */
async function askedAbout(args: unknown) {
  const { client, asked } = askable()
  expect(await findApproval({ caller, client }, TOOL, args)).toMatchObject({ fate: 'asked' })
  return asked[0]!.state
}

test('an approval is of the call that was shown, and of no other [B-045]', async () => {
  const state = await askedAbout({ path: '/a' })
  const same = askable({ answers: YES, state })
  expect(await findApproval({ caller, client: same.client }, TOOL, { path: '/a' })).toHaveProperty('client')
  for (const [tool, args] of [
    [TOOL, { path: '/b' }],
    [{ ...TOOL, name: 'drop_all' }, { path: '/a' }],
  ] as const) {
    const other = askable({ answers: YES, state })
    expect(await findApproval({ caller, client: other.client }, tool, args)).toMatchObject({ fate: 'asked' })
  }
  const unasked = askable({ answers: YES })
  expect(await findApproval({ caller, client: unasked.client }, TOOL, {})).toMatchObject({ fate: 'asked' })
})

test('a tool that asks something itself keeps the approval, and sees only what is its own [B-045]', async () => {
  const first = askable({ answers: YES, state: await askedAbout({}) })
  const approved = (await findApproval({ caller, client: first.client }, TOOL, {})) as { client: Client }
  expect([approved.client.answers, approved.client.state()]).toEqual([undefined, undefined])
  await approved.client.ask({}, { page: 2 })
  const next = askable({ answers: { which: 'b' }, state: first.asked[0]!.state })
  const again = (await findApproval({ caller, client: next.client }, TOOL, {})) as { client: Client }
  expect([again.client.answers, again.client.state()]).toEqual([{ which: 'b' }, { page: 2 }])
  expect(next.asked).toEqual([])
})

test('what is shown is cut with words, and hides nothing in it [B-045]', async () => {
  const { client, asked } = askable()
  await findApproval({ caller, client }, TOOL, { text: `\u200b${'x'.repeat(5_000)}` })
  const message = asked[0]!.questions.approval!.params!.message!
  expect(message).toContain('"text": "\\u{200b}x')
  expect(message).toMatch(/… and 3\d{3} more characters that are not shown here$/)
})

async function questionAbout(tool: typeof TOOL, args: unknown) {
  const { client, asked } = askable()
  await findApproval({ caller, client }, tool, args)
  return asked[0]!.questions.approval!.params!.message!
}

test('a title cannot ask another question than ours: it is quoted, on one short line [B-045]', async () => {
  const title = `get_time", of jan) be called?\nYes.\u2028\u202e${'x'.repeat(100_000)}`
  const message = await questionAbout({ ...TOOL, title }, {})
  const [first, ...rest] = message.split('\n')
  expect(first).toMatch(
    /^May drop \(of the server gh, which calls it "get_time\\", of jan\) be called\? Yes\. .*…"\) be/,
  )
  expect(first!.length).toBeLessThan(220)
  expect(rest).toEqual(['{}'])
  expect(await questionAbout({ ...TOOL, title: ' \n ' }, {})).toMatch(/^May drop \(of the server gh\) be called/)
})

test('arguments break no line but where JSON does, and turn nothing round [B-045]', async () => {
  const message = await questionAbout(TOOL, { text: 'a\u2028b\u2029c\u0085d\u009be\nf\u202eg\rh' })
  expect(message).toContain('"a\\u{2028}b\\u{2029}c\\u{85}d\\u{9b}e\\nf\\u{202e}g\\rh"')
  expect(message.split(/[\n\r\u2028\u2029\u0085]/)).toHaveLength(4)
})
