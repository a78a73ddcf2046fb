import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { calling, type Notes, rpc, startNotes } from './notes-app.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers are judged by their shape
type Json = any

let app: Notes
beforeAll(async () => {
  app = await startNotes()
})
afterAll(() => app.close())

const answerTo = async (message: object, headers?: Record<string, string>): Promise<Json> =>
  (await app.post(message, headers)).json()
const listed = async (headers?: Record<string, string>): Promise<Json[]> =>
  (await answerTo(rpc('tools/list'), headers)).result.tools
const result = async (name: string, args?: object, headers?: Record<string, string>): Promise<Json> =>
  (await answerTo(calling(name, args), headers)).result
const gardener = () => app.bearer('ada', ['user', 'gardener'])

describe('a route that says so is a tool', () => {
  test('with the name, the words and the schemas of the route [B-048 P-106]', async () => {
    const tools = await listed(await gardener())
    expect(tools.map(({ name }) => name)).toEqual([
      'list_notes',
      'read_note',
      'put_note',
      'delete_note',
      'wait_for_notes',
      'break_note',
    ])
    const [list, read, put, gone] = tools
    expect(list).toMatchObject({ title: 'List notes', description: 'Your notes. The newest first.' })
    expect(list.inputSchema).toMatchObject({
      type: 'object',
      additionalProperties: false,
      properties: { limit: { type: 'integer', minimum: 1, maximum: 10, default: 5 } },
    })
    expect(Object.keys(list.inputSchema.properties)).toEqual(['limit', 'tag'])
    expect(read).toMatchObject({ title: 'Read a note', description: 'Reads it.', outputSchema: { type: 'object' } })
    expect(put.inputSchema).toMatchObject({
      required: ['id', 'text'],
      properties: { id: { type: 'string' }, quietly: { default: 'false' }, tags: { type: 'array' } },
    })
    expect(list.outputSchema.$defs.Note).toMatchObject({ required: ['id', 'text', 'tags'] })
    expect(gone).not.toHaveProperty('outputSchema')
  })

  test('with true hints [B-048 P-107 P-108]', async () => {
    const hints = (await listed(await gardener())).map(({ name, annotations: a }) => [
      name,
      [a.readOnlyHint, a.destructiveHint, a.idempotentHint, a.openWorldHint],
    ])
    expect(Object.fromEntries(hints)).toEqual({
      list_notes: [true, false, true, false],
      read_note: [true, false, true, false],
      put_note: [false, false, true, false],
      delete_note: [false, true, true, false],
      wait_for_notes: [true, false, true, false],
      break_note: [false, true, false, false],
    })
  })

  test('whose arguments go to path, query and body [B-048]', async () => {
    const odd = 'a/b ?&=#%2F/../ä'
    const written = await result('put_note', { id: odd, quietly: 'true', text: '"x"\u2028', tags: ['one'] })
    expect(written).toMatchObject({ structuredContent: { id: odd, text: '"x"\u2028', tags: ['one'], owner: 'ada' } })
    expect(JSON.parse(written.content[0].text)).toEqual(written.structuredContent)
    expect((await result('read_note', { id: odd })).structuredContent.text).toBe('"x"\u2028')
    const { structuredContent } = await result('list_notes', { limit: 1, tag: ['one', 'two & 3'] })
    expect(structuredContent).toMatchObject({ asked: { limit: 1, tag: ['one', 'two & 3'] }, data: [{ id: odd }] })
    // Null is how models leave something out.
    expect((await result('list_notes', { tag: null })).structuredContent.asked).toEqual({ limit: 5 })
    expect(await result('delete_note', { id: odd }, await gardener())).toEqual({
      content: [{ type: 'text', text: 'Done' }],
    })
    expect(app.notes.size).toBe(0)
  })

  test('that refuses in the words of the route, as a result [B-048]', async () => {
    const refused = async (name: string, args: object) => {
      const { isError, content, _meta } = await result(name, args)
      expect(isError).toBe(true)
      return [content[0].text, _meta['jan/error'].status]
    }
    expect(await refused('read_note', { id: 'none' })).toEqual(["Note 'none' was not found (not_found)", 404])
    expect(await refused('read_note', {})).toEqual([expect.stringMatching(/^id: .* \(invalid_request\)$/), 400])
    // An empty name leads to no other route.
    expect(await refused('read_note', { id: '' })).toEqual(["Note '' was not found (not_found)", 404])
    expect(await refused('list_notes', { limit: 11 })).toEqual([expect.stringMatching(/^limit: /), 400])
    expect(await refused('list_notes', { 'tag[]': ['x'] })).toEqual([
      "There is no argument 'tag[]' (invalid_request)",
      400,
    ])
    expect(await refused('put_note', { id: 'x', text: 'x'.repeat(5000) })).toEqual([expect.anything(), 413])
    const [text] = await refused('break_note', {})
    expect(text).toBe('Internal server error (internal)')
  })

  test('that refuses a key of a retry that is none [B-124]', async () => {
    const { params, ...message } = calling('put_note', { id: 'x', text: 'x' })
    for (const key of [5, '', 'a b'])
      expect(
        await answerTo({ ...message, params: { ...params, _meta: { 'jan/idempotency-key': key } } }),
      ).toMatchObject({ error: { code: -32602, message: expect.stringContaining('visible ASCII') } })
    expect(app.notes.size).toBe(0)
  })

  test('for which a service acts only as far as the person may [B-048]', async () => {
    await result('put_note', { id: 'mine', text: 'hers' })
    expect((await result('read_note', { id: 'mine' })).isError).toBeUndefined()
    expect((await result('read_note', { id: 'mine' }, await app.bearer('bob'))).content[0].text).toMatch(/not_found/)
    // A token between services is good for one request; the call within is none of its own.
    expect(await result('read_note', { id: 'mine' }, await app.forKey('ada', ['notes']))).not.toHaveProperty('isError')
    const refused = await result('read_note', { id: 'mine' }, await app.forKey('ada', ['chat']))
    expect(refused).toMatchObject({
      isError: true,
      content: [{ text: "This API key lacks the scope 'notes' (forbidden)" }],
      _meta: { 'jan/error': { code: 'forbidden', status: 403 } },
    })
    const withoutRole = await result('delete_note', { id: 'mine' })
    expect(withoutRole.content[0].text).toBe("This needs the role 'gardener' (forbidden)")
  })

  test('that is listed for those only who may call it [B-048]', async () => {
    const names = async (headers: Record<string, string>) => (await listed(headers)).map(({ name }) => name)
    expect(await names(await app.bearer('ada'))).not.toContain('delete_note')
    expect(await names(await app.forKey('ada', ['chat']))).toEqual([])
  })

  test('and is called with the authorization and from the address of the caller [B-048 P-109]', async () => {
    const { authorization } = await app.bearer('ada')
    await result('list_notes', {}, { authorization, 'x-forwarded-for': '203.0.113.9' })
    expect([app.seen.authorization.at(-1), app.seen.addresses.at(-1)]).toEqual([authorization, '127.0.0.1'])
  })

  test('whose calls are counted as what they are [B-048]', async () => {
    await result('read_note', { id: 'nowhere' })
    const line = /^http_server_request_duration_seconds_count\{.*operation="get_note".*status="404"/m
    await until(async () => line.test(await (await fetch(`${app.url}/metrics`)).text()))
  })

  test('that ends when a client of 2026-07-28 hangs up [B-048]', async () => {
    const leaving = new AbortController()
    const message = calling('wait_for_notes')
    const before = app.seen.started
    const envelope = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    }
    const pending = fetch(`${app.url}/mcp`, {
      method: 'POST',
      signal: leaving.signal,
      headers: {
        ...(await app.bearer('ada')),
        'content-type': 'application/json',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': 'wait_for_notes',
      },
      body: JSON.stringify({ ...message, params: { ...message.params, _meta: envelope } }),
    })
    await until(() => app.seen.started > before)
    leaving.abort()
    await expect(pending).rejects.toThrow('aborted')
    await until(() => app.seen.left === 1)
  })
})

test('the limit of a person holds for tools, too [B-048]', async () => {
  const limited = await startNotes({}, { perMinute: 3 })
  const answer = async () => limited.post(calling('list_notes'))
  expect(((await (await answer()).json()) as Json).result.isError).toBeUndefined()
  // The message is a request, and so is what it calls.
  const second = (await (await answer()).json()) as Json
  expect(second.result.content[0].text).toMatch(/^Too many requests.*\(rate_limit_exceeded\)$/)
  expect((await answer()).status).toBe(429)
  await limited.close()
})
