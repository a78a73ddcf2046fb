import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { decodeJwt } from 'jose'
import { newEmail, PASSWORD, peopleOf } from './people.ts'
import { type Json, openWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
}, 60_000)
afterEach(() => {
  world.front.lose = undefined
  world.front.refuse = undefined
})
afterAll(() => world?.close())

const { refresh, upgrade, passwordGrant } = peopleOf(() => world)
const kindOf = async ({ user_id }: Json) =>
  (await world.database.query('SELECT kind FROM workspace WHERE id = $1', [user_id]))[0]?.kind

/** Nothing is left of an upgrade that failed, and the next one succeeds. */
async function isStillAGuest(guest: Json, email: string): Promise<void> {
  const { json } = await refresh(guest.refresh_token)
  expect(decodeJwt(json.access_token)).toMatchObject({ guest: 'true', realm_access: { roles: ['guest'] } })
  expect(decodeJwt(json.access_token).email).toBeUndefined()
  expect(await kindOf(guest)).toBe('guest')
  expect((await passwordGrant(email)).status).toBe(400)
  expect((await upgrade(json.access_token, { email })).status).toBe(200)
  expect((await passwordGrant(email)).status).toBe(200)
}

/** True for the first such request alone. */
function once(method: string, path: RegExp): (request: string) => boolean {
  let left = 1
  return (request) => request.startsWith(`${method} `) && path.test(request) && left-- > 0
}

test.each([
  ['PUT', /\/users\/[^/]+$/],
  ['PUT', /\/reset-password$/],
  ['POST', /\/role-mappings\/realm$/],
  ['DELETE', /\/groups\/[^/]+$/],
])('an upgrade whose %s %s is done, but not heard of, is undone as a whole [I-038 I-076]', async (method, path) => {
  const guest = await world.becomeGuest()
  const email = newEmail()
  world.front.lose = once(method, path)
  expect((await upgrade(guest.access_token, { email })).status).toBe(503)
  await isStillAGuest(guest, email)
})

test('an upgrade that cannot end the other sessions is undone as a whole [I-034 I-038]', async () => {
  const guest = await world.becomeGuest()
  const email = newEmail()
  const isList = once('GET', /\/users\/[^/]+\/sessions$/)
  world.front.refuse = (request) => (isList(request) ? 500 : undefined)
  expect((await upgrade(guest.access_token, { email })).status).toBe(502)
  await isStillAGuest(guest, email)
})

test('an upgrade that cannot be noted in our database is undone at the provider [I-038 I-076]', async () => {
  const guest = await world.becomeGuest()
  const email = newEmail()
  await world.database.query('ALTER TABLE workspace RENAME TO workspace_away')
  const refused = await upgrade(guest.access_token, { email })
  await world.database.query('ALTER TABLE workspace_away RENAME TO workspace')
  expect(refused.status).toBe(500)
  await isStillAGuest(guest, email)
})

test('of two upgrades at once one succeeds, the others are 403 or 409, and its address and password are the person’s [I-036 I-039 I-077]', async () => {
  const guest = await world.becomeGuest()
  const wishes = [1, 2, 3, 4].map((nth) => ({ email: newEmail(), password: `${PASSWORD} ${nth}` }))
  const answers = await Promise.all(
    wishes.map((wish, nth) =>
      world.call('POST', '/auth/upgrade', { token: guest.access_token, json: wish }, world.replicas[nth % 2]),
    ),
  )
  const granted = wishes.filter((_, nth) => answers[nth]!.status === 200)
  expect(granted).toHaveLength(1)
  for (const { status } of answers) expect([200, 403, 409]).toContain(status)
  for (const { email, password } of wishes)
    expect((await passwordGrant(email, password)).status).toBe(email === granted[0]!.email ? 200 : 400)
})
