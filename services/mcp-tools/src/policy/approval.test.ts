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
