import { randomUUID } from 'node:crypto'
import { type Served, serve } from '@jan/testkit/serve'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openWorld, type World } from './world.ts'

/** Long enough for a guest to stay, short enough for a test to wait. */
const AWAY_MS = 4_000

let world: World
let media: Served
/** What the service that keeps something of people was told. */
const told: string[] = []

beforeAll(async () => {
  media = await serve((request, response) => {
    told.push(`${request.method} ${request.url}`)
    response.writeHead(204).end()
  })
  world = await openWorld({
    GUEST_RETENTION_DAYS: String(AWAY_MS / 86_400_000),
    WORKSPACE_SERVICES: `media-api=${media.url}`,
  })
}, 60_000)
afterAll(async () => {
  await world?.close()
  await media?.close()
})

const refresh = async (token: string) =>
  (await world.call('POST', '/auth/refresh-token', { json: { refresh_token: token } })).json
const workspaces = async (...ids: string[]) =>
  (await world.database.query('SELECT id FROM workspace WHERE id = ANY($1)', [ids])).map((row) => String(row.id))

/** No job is left for now. */
const isIdle = async () => {
  const due = await world.database.query('SELECT FROM graphile_worker.jobs WHERE run_at <= now() LIMIT 1')
  return due.length === 0
}

/** As an operator does, at the provider. */
async function deleteUser(id: string): Promise<void> {
  const { url, clientSecret } = world.provider
  const form = { grant_type: 'client_credentials', client_id: 'backend', client_secret: clientSecret }
  const granted = await fetch(`${world.realm}/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams(form),
  })
  const { access_token } = (await granted.json()) as { access_token: string }
  const headers = { authorization: `Bearer ${access_token}` }
  const deleted = await fetch(`${url}/admin/realms/jan/users/${id}`, { method: 'DELETE', headers })
  expect(deleted.status).toBe(204)
}

test('guests that were away are erased at the provider and here; who came back or became a user stays [I-052 P-062]', async () => {
  const gone = await world.becomeGuest()
  const orphan = await world.becomeGuest()
  const removed = await world.becomeGuest()
  const user = await world.becomeGuest()
  const present = await world.becomeGuest()
  const upgrade = { email: `${randomUUID()}@example.test`, password: 'correct horse battery' }
  expect((await world.call('POST', '/auth/upgrade', { token: user.access_token, json: upgrade })).status).toBe(200)
  // A guest whose workspace was never made, and a workspace whose guest an operator has deleted.
  await world.database.query('DELETE FROM workspace WHERE id = $1', [orphan.user_id])
  await deleteUser(removed.user_id)

  const madeAt = Date.now()
  await until(() => Date.now() - madeAt > AWAY_MS, AWAY_MS * 2)
  const [stays, userStays] = [await refresh(present.refresh_token), await refresh(user.refresh_token)]
  await world.database.query(`SELECT graphile_worker.add_job('erase_absent_guests', '{}')`)

  const all = [gone, orphan, removed, user, present].map(({ user_id }) => user_id)
  await until(isIdle, 20_000)
  expect((await workspaces(...all)).sort()).toEqual([user.user_id, present.user_id].sort())
  for (const { user_id } of [gone, orphan, removed]) expect(told).toContain(`DELETE /internal/workspaces/${user_id}`)
  for (const { user_id } of [user, present]) expect(told.join()).not.toContain(user_id)

  const refused = await world.call('POST', '/auth/refresh-token', { json: { refresh_token: gone.refresh_token } })
  expect(refused.status).toBe(401)
  for (const { access_token: token } of [stays, userStays])
    expect((await world.call('POST', '/auth/validate', { token })).status).toBe(200)
  const [note] = await world.database.query('SELECT act, actor FROM audit_event WHERE act = $1 AND target = $2', [
    'guest.erased',
    gone.user_id,
  ])
  expect(note).toEqual({ act: 'guest.erased', actor: null })
}, 60_000)
