import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '@jan/testkit/until'
import { expect, test } from '@jest/globals'
import pg from 'pg'
import { at, get, type Json, post, send, shared } from '../platform.ts'

const PNG =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

const INDEXING = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'file_search_index', arguments: { document_id: 'mine', text: 'Bees dance' } },
}

/** What stays by intent: the audit log, and the job that erases once more when the last token has expired. */
const STAYS = /^(public\.audit_event|graphile_worker\..*)$/

async function inDatabase<T>(name: string, look: (client: pg.Client) => Promise<T>): Promise<T> {
  const { postgresPassword: password } = JSON.parse(readFileSync(join(shared.stateDir, 'secrets.json'), 'utf8'))
  const port = Number(new URL(at('postgres')).port)
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', password, database: name })
  await client.connect()
  try {
    return await look(client)
  } finally {
    await client.end()
  }
}

/** Every table of every database that has a row with this text anywhere in it. */
async function placesOf(text: string): Promise<string[]> {
  const databases = await inDatabase('postgres', (client) =>
    client.query<{ datname: string }>('SELECT datname FROM pg_database WHERE NOT datistemplate'),
  )
  const found = databases.rows.map(({ datname }) =>
    inDatabase(datname, async (client) => {
      const tables = await client.query<{ name: string }>(
        `SELECT table_schema || '.' || table_name AS name FROM information_schema.tables
         WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`,
      )
      const places: string[] = []
      for (const { name } of tables.rows.filter((table) => !STAYS.test(table.name))) {
        const quoted = name
          .split('.')
          .map((part) => `"${part}"`)
          .join('.')
        const { rowCount } = await client.query(`SELECT FROM ${quoted} AS row WHERE strpos(row::text, $1) > 0`, [text])
        if (rowCount) places.push(`${datname} ${name}`)
      }
      return places
    }),
  )
  return (await Promise.all(found)).flat()
}

test('a person takes all that is theirs along, and is forgotten everywhere [I-053 I-054]', async () => {
  const guest: Json = (await post(at('gateway', '/auth/guest-login'), {})).body
  const { access_token: token, user_id: subject } = guest
  const media = await post(at('gateway', '/v1/media'), { source: { type: 'data_url', data_url: PNG } }, token, {
    'idempotency-key': 'mine',
  })
  const response = await post(at('gateway', '/v1/responses'), { model: 'jan-v1-4b', input: 'Keep this' }, token)
  const indexed = await post(at('gateway', '/v1/mcp'), INDEXING, token)
  expect([media.status, response.status]).toEqual([200, 200])
  expect(indexed.body.result).toMatchObject({ structuredContent: { document_id: 'mine' } })

  const taken = await get(at('gateway', '/v1/me/export'), token)
  expect([taken.status, taken.headers.get('content-disposition')]).toEqual([200, expect.stringContaining('attachment')])
  expect(taken.body).toMatchObject({
    object: 'export',
    services: {
      'llm-api': {
        workspace: [{ id: subject }],
        api_keys: [],
        audit_events: expect.arrayContaining([expect.objectContaining({ act: 'guest.created' })]),
      },
      'media-api': { media: [{ id: media.body.id }] },
      'response-api': { responses: [{ id: response.body.id, input: [expect.anything()] }] },
      'mcp-tools': { documents: [{ document_id: 'mine', text: 'Bees dance' }] },
    },
  })

  expect((await placesOf(subject)).length).toBeGreaterThan(3)
  const asked = await send('DELETE', at('gateway', '/v1/me'), { token })
  expect([asked.status, asked.body]).toEqual([202, { object: 'erasure', status: 'accepted' }])
  const left = await until(async () => (await placesOf(subject)).length === 0 && 'nothing', 20_000).catch(() =>
    placesOf(subject),
  )
  expect(left).toBe('nothing')
  expect((await get(at('gateway', `/v1/media/${media.body.id}/content`), token)).status).toBe(404)
  const refresh = await post(at('gateway', '/auth/refresh-token'), { refresh_token: guest.refresh_token })
  expect(refresh.status).toBe(401)
})

test('nobody but llm-api may erase, and a stranger sees nothing of it', async () => {
  const token = (await post(at('gateway', '/auth/guest-login'), {})).body.access_token
  const path = '/internal/workspaces/somebody'
  for (const service of ['llm-api', 'media-api', 'response-api', 'mcp-tools'] as const)
    expect([401, 403, 404]).toContain((await send('DELETE', at(service, path), { token })).status)
  for (const prefix of ['', '/llm', '/media', '/responses'])
    expect((await send('DELETE', at('gateway', `${prefix}${path}`), { token })).status).toBe(404)
})
