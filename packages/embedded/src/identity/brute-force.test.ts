import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startIdentity, type TestIdentity } from './identity.fixture.ts'

let identity: TestIdentity
beforeAll(async () => {
  identity = await startIdentity()
})
afterAll(() => identity.end())

test('many wrong passwords lock an account, which is answered as a wrong password is [I-007]', async () => {
  await identity.createUser({ username: 'besieged' })
  const wrong = await identity.login('besieged', { password: 'wrong' })
  for (let failure = 0; failure < 5; failure += 1) await identity.login('besieged', { password: 'wrong' })
  const locked = await identity.login('besieged')
  expect([locked.status, locked.body]).toEqual([wrong.status, wrong.body])
})

test('sessions are listed, and ended one by one', async () => {
  const id = await identity.createUser({ username: 'sessions' })
  const [one, two] = [(await identity.login('sessions')).body, (await identity.login('sessions')).body]
  const begun = Date.now() - 60_000
  const sessions = await identity.list(`/users/${id}/sessions`)
  for (const { lastAccess } of sessions) expect(lastAccess).toBeGreaterThan(begun)
  const listed = sessions.map((session) => session.id)
  expect(listed.sort()).toEqual([one.session_state, two.session_state].sort())
  expect((await identity.admin(`/sessions/${one.session_state}`, { method: 'DELETE' })).status).toBe(204)
  expect((await identity.refresh(one.refresh_token)).body.error_description).toBe('Session not active')
  expect((await identity.refresh(two.refresh_token)).status).toBe(200)
  expect((await identity.admin(`/sessions/${one.session_state}`, { method: 'DELETE' })).status).toBe(404)
})
