import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { call, PASSWORD, startIdentity, type TestIdentity } from './identity.fixture.ts'

let identity: TestIdentity
beforeAll(async () => {
  identity = await startIdentity()
})
afterAll(() => identity.end())

/** As Keycloak's own administrator, without our service account. */
test('what clients do at the provider themselves works from sign-up to removal [I-011]', async () => {
  const grant = { grant_type: 'password', client_id: 'admin-cli', username: 'admin', password: 'master-password' }
  const master = await call(`${identity.url}/realms/master/protocol/openid-connect/token`, { form: grant })
  expect([master.status, master.body]).toMatchObject([200, { token_type: 'Bearer', access_token: expect.any(String) }])
  const admin = (path: string, method = 'GET', json?: unknown) =>
    call(`${identity.url}/admin/realms/jan${path}`, { method, json, token: master.body.access_token })

  const person = { username: 'direct', email: 'direct@example.com', enabled: true }
  const attributes = { guest: ['false'], pid: ['p-1'] }
  const created = await admin('/users', 'POST', { ...person, attributes })
  expect(created.status).toBe(201)
  expect((await admin('/users', 'POST', { ...person, attributes })).status).toBe(409)
  const id = String(created.headers.get('location')).split('/').at(-1)
  expect((await admin('/users?username=direct')).body).toMatchObject([{ id }])
  const password = { type: 'password', value: PASSWORD, temporary: false }
  expect((await admin(`/users/${id}/reset-password`, 'PUT', password)).status).toBe(204)
  expect((await admin(`/users/${id}`, 'PUT', { emailVerified: true, requiredActions: [] })).status).toBe(204)
  expect((await admin(`/users/${id}`)).body).toMatchObject({ ...person, attributes, emailVerified: true })

  const { status, body } = await identity.login(person.email)
  expect([status, body.token_type, typeof body.refresh_token]).toEqual([200, 'Bearer', 'string'])
  expect(await identity.verify(body.access_token)).toMatchObject({ sub: id, guest: 'false', pid: 'p-1' })
  expect((await admin(`/users/${id}`, 'DELETE')).status).toBe(204)
  expect((await admin(`/users/${id}`, 'DELETE')).status).toBe(404)
})

test('a user is disabled unless told otherwise, as at Keycloak [I-010]', async () => {
  const credentials = [{ type: 'password', value: PASSWORD }]
  await identity.admin('/users', { method: 'POST', json: { username: 'unsaid', credentials } })
  expect((await identity.login('unsaid')).body.error_description).toBe('Account disabled')
})
