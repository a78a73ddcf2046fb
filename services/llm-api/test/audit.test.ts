import { createTokenIssuer, type TokenIssuer } from '@jan/testkit/tokens'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Booted, bootLlmApi, call } from './boot.ts'
import { type FakeIdentity, startFakeIdentity } from './fake-identity.ts'

let issuer: TokenIssuer
let identity: FakeIdentity
let service: Booted
let admin: { authorization: string }

beforeAll(async () => {
  issuer = await createTokenIssuer()
  identity = await startFakeIdentity(issuer)
  service = await bootLlmApi({ KEYCLOAK_BASE_URL: identity.url }, issuer)
  admin = await issuer.bearer('root', { realm_access: { roles: ['user', 'admin'] } })
})
afterAll(async () => {
  await service.close()
  await identity.close()
})

const becomeGuest = async (headers: Record<string, string> = {}) =>
  (await call(service, 'POST', '/auth/guest-login', { headers })).json as Record<string, string>
const audit = (query = '', headers = admin) => call(service, 'GET', `/v1/admin/audit${query}`, { headers })

test('what was done is noted: who, what, from where, by which request [I-057]', async () => {
  const guest = await becomeGuest({ 'x-request-id': 'req-audited', 'x-forwarded-for': '203.0.113.7' })
  const { status, json } = await audit('?limit=1')
  expect([status, json]).toEqual([
    200,
    expect.objectContaining({
      object: 'list',
      data: [
        {
          id: expect.stringMatching(/^audit_/),
          object: 'audit_event',
          at: expect.any(String),
          act: 'guest.created',
          actor: guest.user_id,
          actor_kind: null,
          key_id: null,
          target: guest.user_id,
          address: '203.0.113.7',
          request_id: 'req-audited',
          details: {},
        },
      ],
    }),
  ])
  expect(JSON.stringify(json)).not.toContain(guest.access_token)
})

test('the log is filtered and paged, newest first', async () => {
  const guests = [await becomeGuest(), await becomeGuest(), await becomeGuest()]
  const ids = guests.map(({ user_id }) => user_id)
  const first = (await audit('?limit=2&act=guest.created')).json as {
    data: Record<string, string>[]
    has_more: boolean
  }
  expect([first.data.map(({ actor }) => actor), first.has_more]).toEqual([[ids[2], ids[1]], true])
  const next = await audit(`?limit=1&act=guest.created&after=${first.data[1]!.id}`)
  expect(next.json).toMatchObject({ data: [{ actor: ids[0] }] })
  const upwards = await audit(`?order=asc&limit=5&after=${(next.json.data as { id: string }[])[0]!.id}`)
  expect((upwards.json.data as { actor: string }[]).map(({ actor }) => actor)).toEqual([ids[1], ids[2]])
  expect((await audit(`?actor=${ids[1]}`)).json.data).toHaveLength(1)
  expect((await audit('?act=api_key.created')).json.data).toEqual([])
  expect((await audit(`?since=${new Date(Date.now() + 60_000).toISOString()}`)).json.data).toEqual([])
  for (const wrong of ['?after=audit_none', '?limit=0', '?since=yesterday'])
    expect((await audit(wrong)).status).toBe(400)
})

test('it is for admins [I-056]', async () => {
  for (const headers of [
    await issuer.bearer('ann'),
    await issuer.bearer('bob', { realm_access: { roles: ['guest'] } }),
  ])
    expect((await audit('', headers)).status).toBe(403)
  expect((await call(service, 'GET', '/v1/admin/audit')).status).toBe(401)
})

test('nobody changes it, not even in the database [I-057]', async () => {
  await becomeGuest()
  for (const change of ["UPDATE audit_event SET actor = 'x'", 'DELETE FROM audit_event', 'TRUNCATE audit_event'])
    await expect(service.database.query(change)).rejects.toThrow('the audit log cannot be changed')
})

test('a logout that ended nothing is not noted: nobody may fill the log with it [I-057]', async () => {
  const ended = async () => ((await audit('?act=session.ended&limit=100')).json.data as unknown[]).length
  const before = await ended()
  const logOut = (path: string, json: object) => call(service, 'POST', path, { json })
  for (const json of [{}, { refresh_token: 'junk' }]) expect((await logOut('/auth/logout', json)).status).toBe(200)
  expect((await call(service, 'GET', '/auth/logout')).status).toBe(200)
  expect((await logOut('/auth/revoke', { refresh_token: 'junk' })).status).toBe(200)
  expect(await ended()).toBe(before)
  for (const path of ['/auth/logout', '/auth/revoke'])
    expect((await logOut(path, { refresh_token: (await becomeGuest()).refresh_token })).status).toBe(200)
  expect(await ended()).toBe(before + 2)
})
