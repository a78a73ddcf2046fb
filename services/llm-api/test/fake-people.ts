import type { ServerResponse } from 'node:http'
import { serve } from '@jan/testkit/serve'

export type FakePeople = {
  url: string
  /** By subject; a subject that is missing was removed. */
  people: Map<string, { enabled: boolean; roles: string[] }>
  /** How often somebody was asked for. */
  asked: number
  /** `away` refuses, `silent` never answers. */
  mood: 'well' | 'away' | 'silent'
  close(): Promise<void>
}

const USER = /^\/admin\/realms\/jan\/users\/([^/]+)(\/role-mappings\/realm\/composite)?$/

/** The identity provider as far as API keys ask it: who may sign in, and with which roles. */
export async function startFakePeople(): Promise<FakePeople> {
  const fake: Omit<FakePeople, 'url' | 'close'> = { people: new Map(), asked: 0, mood: 'well' }
  const send = (response: ServerResponse, status: number, body: unknown) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  const served = await serve((request, response) => {
    if (fake.mood === 'silent') return
    if (fake.mood === 'away') return void send(response, 503, {})
    const { pathname } = new URL(request.url!, 'http://localhost')
    if (pathname.endsWith('/token')) return void send(response, 200, { access_token: 'backend', expires_in: 300 })
    const [, subject = '', roles] = USER.exec(pathname) ?? []
    const person = fake.people.get(subject)
    if (!person) return void send(response, 404, { error: 'User not found' })
    if (roles)
      return void send(
        response,
        200,
        [...person.roles, 'default-roles-jan'].map((name) => ({ id: name, name })),
      )
    fake.asked += 1
    send(response, 200, { id: subject, username: subject, enabled: person.enabled, createdTimestamp: 0 })
  })
  return Object.assign(fake, { url: served.url, close: served.close })
}
