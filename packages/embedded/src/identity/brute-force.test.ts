import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startIdentity, type TestIdentity } from './identity.fixture.ts'

let identity: TestIdentity
beforeAll(async () => {
  identity = await startIdentity()
})
afterAll(() => identity.end())

test('many wrong passwords lock an account, which is answered as a wrong password is [I-007]', async () => {
  const id = await identity.createUser({ username: 'besieged' })
  const wrong = await identity.login('besieged', { password: 'wrong' })
  for (let failure = 0; failure < 5; failure += 1) await identity.login('besieged', { password: 'wrong' })
  const locked = await identity.login('besieged')
  expect([locked.status, locked.body]).toEqual([wrong.status, wrong.body])
  const status = `/attack-detection/brute-force/users/${id}`
  expect((await identity.admin(status)).body).toMatchObject({ disabled: true })
  expect((await identity.admin(status, { method: 'DELETE' })).status).toBe(204)
  expect((await identity.login('besieged')).status).toBe(200)
})

test('sessions are listed, and ended one by one', async () => {
  const id = await identity.createUser({ username: 'sessions' })
  const [one, two] = [(await identity.login('sessions')).body, (await identity.login('sessions')).body]
  const listed = (await identity.list(`/users/${id}/sessions`)).map((session) => session.id)
  expect(listed.sort()).toEqual([one.session_state, two.session_state].sort())
  expect((await identity.admin(`/sessions/${one.session_state}`, { method: 'DELETE' })).status).toBe(204)
  expect((await identity.refresh(one.refresh_token)).body.error_description).toBe('Session not active')
  expect((await identity.refresh(two.refresh_token)).status).toBe(200)
  expect((await identity.admin(`/sessions/${one.session_state}`, { method: 'DELETE' })).status).toBe(404)
})
