import { randomUUID } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { at, get, type Json, post } from '../platform.ts'

const TEXT = `data:text/plain;base64,${Buffer.from('mine').toString('base64')}`

test('a guest who became a user keeps everything the guest made, in every service [I-036]', async () => {
  const guest: Json = (await post(at('gateway', '/auth/guest-login'), {})).body
  const media = await post(
    at('gateway', '/v1/media'),
    { source: { type: 'data_url', data_url: TEXT } },
    guest.access_token,
  )
  const response = await post(
    at('gateway', '/v1/responses'),
    { model: 'jan-v1-4b', input: 'Keep this' },
    guest.access_token,
  )
  expect([media.status, response.status]).toEqual([200, 200])

  const person = { email: `${randomUUID()}@example.test`, password: 'correct horse battery', full_name: 'Ada Lovelace' }
  expect((await post(at('gateway', '/auth/upgrade'), person, guest.access_token)).status).toBe(200)
  const refreshed = await post(at('gateway', '/auth/refresh-token'), { refresh_token: guest.refresh_token })
  const token: string = refreshed.body.access_token
  expect((await get(at('gateway', '/auth/me'), token)).body).toMatchObject({
    id: guest.user_id,
    is_guest: false,
    name: 'Ada Lovelace',
    email: person.email,
  })
  expect((await get(at('gateway', `/v1/media/${media.body.id}/metadata`), token)).status).toBe(200)
  expect((await get(at('gateway', `/v1/responses/${response.body.id}`), token)).body).toMatchObject({
    id: response.body.id,
  })

  // A key of theirs is the same owner.
  const { key } = (await post(at('gateway', '/auth/api-keys'), { name: 'laptop' }, token)).body
  expect((await get(at('gateway', `/v1/media/${media.body.id}/metadata`), key)).status).toBe(200)
  expect((await get(at('gateway', `/v1/responses/${response.body.id}`), key)).status).toBe(200)
})
