import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startIdentity, type TestIdentity } from './identity.fixture.ts'

let identity: TestIdentity
beforeAll(async () => {
  identity = await startIdentity()
  await identity.createUser({
    username: 'seek-a',
    email: 'seek-a@b.co',
    firstName: 'Anna',
    attributes: { guest: ['true'], pid: ['100%'] },
  })
  await identity.createUser({ username: 'seek-b', email: 'seek-b@b.co', attributes: { guest: ['true'] } })
  await identity.createUser({ username: 'seek_c', enabled: false, attributes: { guest: ['false'] } })
})
afterAll(() => identity.end())

test.each([
  ['username=SEEK', ['seek-a', 'seek-b', 'seek_c']],
  ['username=seek-a&exact=true', ['seek-a']],
  ['username=seek&exact=true', []],
  ['email=seek-b@b.co', ['seek-b']],
  ['q=guest:TRUE&username=seek', ['seek-a', 'seek-b']],
  ['q=guest:true%20pid:100%25', ['seek-a']],
  ['username=seek&first=1&max=1', ['seek-b']],
  ['username=seek&first=9', []],
  ['username=seek&max=-1', ['seek-a', 'seek-b', 'seek_c']],
  ['username=seek&createdBefore=2020-01-01', []],
  ['username=seek&createdBefore=9999999999999', ['seek-a', 'seek-b', 'seek_c']],
  [`username=${encodeURIComponent("' OR 1=1 --")}`, []],
])('%s', async (query, usernames) => {
  const found = await identity.list(`/users?${query}`)
  expect(found.map(({ username }) => username)).toEqual(usernames)
})

test('counts, and hides service accounts', async () => {
  expect((await identity.admin('/users/count?q=guest:true&username=seek')).text).toBe('2')
  expect((await identity.admin('/users?max=-1')).text).not.toContain('service-account')
  expect((await identity.admin('/users?username=service-account-backend')).body).toHaveLength(1)
})
