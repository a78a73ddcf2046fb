import { randomUUID } from 'node:crypto'
import { expect } from '@jest/globals'
import type { Answer, Json, World } from './world.ts'

export const PASSWORD = 'correct horse battery'
export const newEmail = () => `${randomUUID()}@example.test`

/** What is done in a world again and again. */
export type People = {
  refresh(token: string, replica?: World['replicas'][number]): Promise<Answer>
  me(token: string): Promise<Answer>
  upgrade(token: string, more?: object): Promise<Answer>
  /** At the provider itself, as clients do. */
  atTokenEndpoint(form: Record<string, string>): Promise<{ status: number; json: Json }>
  passwordGrant(username: string, password?: string): Promise<{ status: number; json: Json }>
  /** A user who signed up as a guest, and their tokens. */
  newUser(): Promise<User>
  /** A further session of a user: its tokens as the provider gives them. */
  newSession(user: Pick<User, 'email'>): Promise<Json>
}

export type User = { email: string; subject: string; refreshToken: string; token: string }

export function peopleOf(world: () => World): People {
  const refresh: People['refresh'] = (token, replica = world().replicas[0]) =>
    world().call('POST', '/auth/refresh-token', { json: { refresh_token: token } }, replica)
  const upgrade: People['upgrade'] = (token, more = {}) =>
    world().call('POST', '/auth/upgrade', { token, json: { email: newEmail(), password: PASSWORD, ...more } })
  const atTokenEndpoint: People['atTokenEndpoint'] = async (form) => {
    const answer = await fetch(`${world().realm}/protocol/openid-connect/token`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: 'jan-client', ...form }),
    })
    return { status: answer.status, json: await answer.json() }
  }
  const passwordGrant: People['passwordGrant'] = (username, password = PASSWORD) =>
    atTokenEndpoint({ grant_type: 'password', scope: 'openid', username, password })
  return {
    refresh,
    upgrade,
    atTokenEndpoint,
    passwordGrant,
    me: (token) => world().call('GET', '/auth/me', { token }),
    newUser: async () => {
      const guest = await world().becomeGuest()
      const email = newEmail()
      expect((await upgrade(guest.access_token, { email })).status).toBe(200)
      const { json } = await refresh(guest.refresh_token)
      return { email, subject: guest.user_id, token: json.access_token, refreshToken: json.refresh_token }
    },
    newSession: async ({ email }) => {
      const { status, json } = await passwordGrant(email)
      expect(status).toBe(200)
      return json
    },
  }
}
