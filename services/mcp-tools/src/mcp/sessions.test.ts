import { describe, expect, test } from '@jest/globals'
import { deriveStateKeys } from './session-keys.ts'
import { createSessions } from './sessions.ts'

const ada = { kind: 'user' as const, subject: 'ada', workspaceId: 'ada', roles: [] }
const key = (fill: number) => new Uint8Array(32).fill(fill)
const params = {
  protocolVersion: '2025-06-18',
  capabilities: {
    elicitation: { form: {} },
    roots: { listChanged: true },
    experimental: { bulk: { of: 'x'.repeat(10_000) } },
  },
  clientInfo: { name: 'test', version: '1' },
}

describe('session ids', () => {
  test('carry what the client said, known parts only, and stay small', async () => {
    const sessions = createSessions([key(1)])
    const id = await sessions.open(ada, 'nonce', params)
    expect(id.length).toBeLessThan(300)
    expect(await sessions.read(id, ada)).toEqual({
      sub: 'ada',
      v: '2025-06-18',
      n: 'nonce',
      caps: { elicitation: { form: {} }, roots: { listChanged: {} } },
    })
  })

  test('belong to one caller', async () => {
    const sessions = createSessions([key(1)])
    const id = await sessions.open(ada, 'nonce', params)
    expect(await sessions.read(id, { ...ada, subject: 'eve' })).toBeUndefined()
    expect(await sessions.read(id, { kind: 'service', service: 'ada' })).toBeUndefined()
  })

  test('outlive a change of keys for as long as the old one verifies', async () => {
    const id = await createSessions([key(1)]).open(ada, 'nonce', params)
    expect(await createSessions([key(2), key(1)]).read(id, ada)).toBeDefined()
    expect(await createSessions([key(2)]).read(id, ada)).toBeUndefined()
  })

  test.each([[''], ['nonsense'], ['v1.e30.AAAA']])('%j is none', async (id) => {
    expect(await createSessions([key(1)]).read(id, ada)).toBeUndefined()
  })

  test('keys come from the ring when none is configured', () => {
    const derived = deriveStateKeys([], [{ kid: 'a', secret: key(1) }])
    const all = [derived.sessions[0], derived.requestState[0], key(1)]
    for (const each of all) expect(each).toHaveLength(32)
    expect(new Set(all.map((each) => Buffer.from(each!).toString('hex'))).size).toBe(3)
    const configured = deriveStateKeys([key(3)], [{ kid: 'a', secret: key(1) }])
    expect(configured.sessions).toEqual([key(3)])
    expect(configured.requestState).not.toEqual([key(3)])
  })
})
