import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { call, messagesOf, startService, type TestService, until } from './start.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({}, { openStreamAfterMs: 50 })
})
afterAll(() => service.close())

const BOTH = { accept: 'application/json, text/event-stream' }
const LIST = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
const INITIALIZE = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
}
const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

const openSession = async (headers: Record<string, string> = {}) =>
  (await service.post(INITIALIZE, { ...BOTH, ...headers })).headers.get('mcp-session-id')!

/** A request of 2026-07-28, which says everything about itself. */
const postModern = (method: string, params: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
  service.post(
    { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: META } },
    {
      ...BOTH,
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      'mcp-name': typeof params.name === 'string' ? params.name : '',
      ...headers,
    },
  )

describe('how an answer is framed', () => {
  test.each([['*/*'], ['application/json'], ['application/*'], ['application/json, text/event-stream']])(
    'JSON for Accept: %s [P-007]',
    async (accept) => {
      const response = await service.post(call('whoami'), { accept })
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toMatch(/^application\/json/)
      expect(await response.json()).toMatchObject({ id: 1, result: { structuredContent: { said: 'ada' } } })
    },
  )

  test('an event stream for Accept: text/event-stream alone [P-008]', async () => {
    const response = await service.post(call('whoami'), { accept: 'text/event-stream' })
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
    expect(messagesOf(await response.text())).toMatchObject([{ id: 1, result: { structuredContent: { said: 'ada' } } }])
  })

  const counting = {
    ...call('count', { to: 2 }),
    params: { name: 'count', arguments: { to: 2 }, _meta: { progressToken: 'p' } },
  }

  test('an event stream for both when the tool reports progress [P-008]', async () => {
    const response = await service.post(counting, BOTH)
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
    expect(messagesOf(await response.text())).toMatchObject([
      { method: 'notifications/progress', params: { progressToken: 'p', progress: 1, total: 2, message: 'at 1' } },
      { method: 'notifications/progress', params: { progress: 2 } },
      { id: 1, result: { structuredContent: { said: 'counted to 2' } } },
    ])
  })

  test('JSON for */* although the tool reports progress [P-007]', async () => {
    const response = await service.post(counting, { accept: '*/*' })
    expect(await response.json()).toMatchObject({ id: 1, result: { structuredContent: { said: 'counted to 2' } } })
    const modern = await postModern(
      'tools/call',
      { name: 'count', arguments: { to: 2 } },
      { accept: 'application/json' },
    )
    expect(await modern.json()).toMatchObject({ result: { structuredContent: { said: 'counted to 2' } } })
  })

  test.each([['2025-x'], ['2026-07-28']])('a call that is silent for long opens its stream (%s)', async (revision) => {
    const params = { name: 'wait', arguments: { as: `silent ${revision}` } }
    const response =
      revision === '2025-x'
        ? await service.post({ ...call('wait'), params }, BOTH)
        : await postModern('tools/call', params)
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
    await until(() => service.started.includes(`silent ${revision}`))
    service.release.at(-1)!()
    expect(messagesOf(await response.text())).toMatchObject([
      { id: 1, result: { structuredContent: { said: 'released' } } },
    ])
  })

  test('406 for text/html, 415 for another content type', async () => {
    const html = await service.post(LIST, { accept: 'text/html' })
    expect([html.status, await html.json()]).toMatchObject([406, { error: { code: -32000 } }])
    const text = await service.post(LIST, { 'content-type': 'text/plain' })
    expect([text.status, await text.json()]).toMatchObject([415, { error: { code: -32000 } }])
  })
})

describe('what is no message', () => {
  test('broken JSON is −32700 with its position [P-024]', async () => {
    const response = await service.post('{"jsonrpc": "2.0", "id": 1,}')
    expect([response.status, await response.json()]).toMatchObject([
      400,
      {
        jsonrpc: '2.0',
        id: null,
        error: { code: -32700, message: expect.stringMatching(/position 27 \(line 1, column 28\)/) },
      },
    ])
  })

  test.each([
    ['an empty body', '', -32700],
    ['no JSON-RPC', '{"hello": 1}', -32600],
    ['a number', '7', -32600],
    ['an empty batch', '[]', -32600],
  ])('%s is 400 [P-024]', async (_what, body, code) => {
    const response = await service.post(body)
    expect([response.status, await response.json()]).toMatchObject([400, { error: { code } }])
  })

  test('a body over 4 MiB is 413 [H-101]', async () => {
    const response = await service.post({ ...LIST, params: { pad: 'x'.repeat(4 << 20) } })
    expect([response.status, await response.json()]).toMatchObject([
      413,
      { error: { code: -32000 }, message: expect.any(String) },
    ])
  })
})

describe('methods and paths', () => {
  test('DELETE and PUT, and GET without a session, are 405 and say what is allowed [B-063]', async () => {
    const session = await openSession()
    const stream = { accept: 'text/event-stream' }
    for (const [method, headers] of [
      ['GET', stream],
      ['GET', { 'mcp-session-id': session, accept: 'application/json' }],
      ['HEAD', stream],
      ['DELETE', { 'mcp-session-id': session }],
      ['PUT', { 'mcp-session-id': session, ...stream }],
    ] as const) {
      const sent = { authorization: service.authorization, ...headers }
      const response = await fetch(service.mcpUrl, { method, headers: sent })
      expect([method, response.status, response.headers.get('allow')]).toEqual([
        method,
        405,
        expect.stringMatching(/^POST, GET/),
      ])
    }
  })

  test('GET with a session is a stream, and with a foreign one 404 [B-063]', async () => {
    const headers = { authorization: service.authorization, accept: 'text/event-stream' }
    const leave = new AbortController()
    const response = await fetch(service.mcpUrl, {
      headers: { ...headers, 'mcp-session-id': await openSession() },
      signal: leave.signal,
    })
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      expect.stringMatching(/^text\/event-stream/),
    ])
    leave.abort()
    const eve = await service.issuer.bearer('eve')
    const foreign = await fetch(service.mcpUrl, {
      headers: { ...headers, ...eve, 'mcp-session-id': await openSession() },
    })
    expect([foreign.status, await foreign.json()]).toMatchObject([404, { error: { code: -32001 } }])
  })

  test('OPTIONS is 204', async () => {
    const response = await fetch(service.mcpUrl, { method: 'OPTIONS' })
    expect([response.status, response.headers.get('allow')]).toEqual([204, 'POST, GET, OPTIONS'])
  })

  test('a slash at the end changes nothing [P-010]', async () => {
    const headers = { authorization: service.authorization, 'content-type': 'application/json' }
    const response = await fetch(`${service.url}/v1/mcp/`, { method: 'POST', headers, body: JSON.stringify(LIST) })
    expect([response.status, await response.json()]).toMatchObject([200, { result: { tools: expect.any(Array) } }])
  })

  test('an unknown method is 200 for 2025-x and 404 for 2026-07-28, both −32601 [P-024]', async () => {
    const old = await service.post({ ...LIST, method: 'tools/nope' })
    expect([old.status, await old.json()]).toMatchObject([200, { id: 1, error: { code: -32601 } }])
    const modern = await postModern('tools/nope')
    expect([modern.status, await modern.json()]).toMatchObject([404, { id: 1, error: { code: -32601 } }])
  })

  test('ping answers in 2025-x', async () => {
    expect(await (await service.post({ ...LIST, method: 'ping' })).json()).toEqual({
      jsonrpc: '2.0',
      id: 1,
      result: {},
    })
  })

  test('notifications and responses are 202', async () => {
    const notification = await service.post({ jsonrpc: '2.0', method: 'notifications/initialized' })
    const response = await service.post({ jsonrpc: '2.0', id: 9, result: {} })
    expect([notification.status, await notification.text(), response.status]).toEqual([202, '', 202])
  })
})

describe('revisions', () => {
  test('an unknown version header is 400 and names what is supported', async () => {
    const response = await service.post(LIST, { 'mcp-protocol-version': '1999-01-01' })
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { id: 1, error: { code: -32000, message: expect.stringContaining('2026-07-28') } },
    ])
  })

  test('initialize agrees on a known version, and on the newest of 2025 for an unknown one [H-86]', async () => {
    const agreed = async (protocolVersion: string) => {
      const response = await service.post({ ...INITIALIZE, params: { ...INITIALIZE.params, protocolVersion } })
      const { result } = (await response.json()) as { result: { protocolVersion: string; capabilities: object } }
      expect(result.capabilities).toEqual({
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
        completions: {},
        logging: {},
      })
      return result.protocolVersion
    }
    expect([await agreed('2025-03-26'), await agreed('2025-06-18'), await agreed('2040-01-01')]).toEqual([
      '2025-03-26',
      '2025-06-18',
      '2025-11-25',
    ])
  })

  test('initialize with bad parameters is −32602', async () => {
    const response = await service.post({ ...INITIALIZE, params: {} })
    expect([response.status, await response.json()]).toMatchObject([200, { id: 0, error: { code: -32602 } }])
  })

  test('2026-07-28 needs its envelope and its headers', async () => {
    const noEnvelope = await service.post(LIST, { 'mcp-protocol-version': '2026-07-28' })
    expect([noEnvelope.status, await noEnvelope.json()]).toMatchObject([400, { error: { code: -32602 } }])
    for (const [header, value] of [
      ['mcp-method', ''],
      ['mcp-protocol-version', ''],
      ['mcp-name', 'other'],
    ] as const) {
      const response = await postModern('tools/call', { name: 'whoami', arguments: {} }, { [header]: value })
      expect([response.status, await response.json()]).toMatchObject([400, { error: { code: -32020 } }])
    }
  })

  test('batches end with 2025-03-26', async () => {
    const batch = [LIST, { jsonrpc: '2.0', method: 'notifications/initialized' }, call('whoami', {}, 'two')]
    const served = await service.post(batch, BOTH)
    expect([served.status, await served.json()]).toMatchObject([200, [{ id: 1 }, { id: 'two' }]])
    const stream = await service.post(batch, { accept: 'text/event-stream', 'mcp-protocol-version': '2025-03-26' })
    expect(messagesOf(await stream.text())).toMatchObject([{ id: 1 }, { id: 'two' }])
    const refused = await service.post(batch, { 'mcp-protocol-version': '2025-06-18' })
    expect([refused.status, await refused.json()]).toMatchObject([400, { error: { code: -32600 } }])
    const bySession = await service.post(batch, { 'mcp-session-id': await openSession() })
    expect(bySession.status).toBe(400)
    const handshake = await service.post([INITIALIZE])
    expect(handshake.status).toBe(400)
    expect((await service.post([{ jsonrpc: '2.0', method: 'notifications/initialized' }])).status).toBe(202)
  })
})

describe('parameters that are wrong', () => {
  test.each([
    ['tools/call', undefined, 'name: expected string'],
    ['tools/call', { arguments: {} }, 'name: expected string'],
    ['tools/call', { name: 'whoami', arguments: 'x' }, 'arguments: expected object, received string'],
    ['resources/read', { uri: 5 }, 'uri: expected string, received number'],
    ['completion/complete', {}, 'ref: expected object'],
    ['completion/complete', { ref: { type: 'ref/prompt' }, argument: {} }, 'ref.name: expected string'],
    ['prompts/get', { name: 'x', arguments: { url: 5 } }, 'arguments.url: expected string, received number'],
    ['tools/list', { cursor: 5 }, 'cursor: expected string, received number'],
  ])('%s of %j is −32602 in one sentence, in every revision [B-103]', async (method, params, problem) => {
    const expected = { id: 1, error: { code: -32602, message: expect.stringContaining(problem) } }
    const old = await service.post({ ...LIST, method, params })
    const modern = await postModern(method, params)
    for (const response of [old, modern]) {
      const text = await response.text()
      expect([response.status, JSON.parse(text)]).toMatchObject([200, expected])
      expect(text).not.toMatch(/invalid_|\\n/)
    }
    const stream = await service.post({ ...LIST, method, params }, { accept: 'text/event-stream' })
    expect(messagesOf(await stream.text())).toMatchObject([expected])
  })

  test('a level of the log that is none is −32602 and names those that are [B-103]', async () => {
    const response = await service.post({ ...LIST, method: 'logging/setLevel', params: { level: 'loud' } })
    expect([response.status, await response.json()]).toMatchObject([
      200,
      { id: 1, error: { code: -32602, message: expect.stringMatching(/level: expected one of "debug"/) } },
    ])
    const modern = await postModern('logging/setLevel', { level: 'loud' })
    expect(await modern.json()).toMatchObject({ error: { code: -32601 } })
  })
})

describe('calls', () => {
  test.each([
    ['tools/call', { name: 'nope', arguments: {} }],
    ['tools/call', { arguments: {} }],
    ['tools/call', { name: 'whoami', arguments: 'x' }],
  ])('%s of %j is −32602 in every revision [P-025]', async (method, params) => {
    const old = await service.post({ ...LIST, method, params })
    expect([old.status, await old.json()]).toMatchObject([200, { id: 1, error: { code: -32602 } }])
    const modern = await postModern(method, params)
    expect(await modern.json()).toMatchObject({ error: { code: -32602 } })
  })

  test.each([
    ['break', -32603, 'break failed because of an internal error'],
    ['fail', -32603, 'The far side said no'],
    ['hang', -32000, 'hang took longer than 0.05 s'],
  ])('%s is a result that says what happened [P-027 P-028 B-008]', async (name, code, text) => {
    const old = await service.post(call(name))
    const expected = { isError: true, content: [{ type: 'text', text }], _meta: { 'jan/code': code } }
    expect([old.status, await old.json()]).toMatchObject([200, { id: 1, result: expected }])
    const modern = await postModern('tools/call', { name, arguments: {} }, { accept: '*/*' })
    expect([modern.status, await modern.json()]).toMatchObject([200, { result: expected }])
  })

  test('a program that does not end is a failed call [P-027 H-90]', async () => {
    const hurried = await startService({ SANDBOX_TIMEOUT: '300ms' })
    try {
      const response = await hurried.post(call('js_exec', { code: 'console.log("begun"); while (true) {}' }))
      expect(await response.json()).toMatchObject({
        result: {
          isError: true,
          _meta: { 'jan/code': -32000 },
          content: [{ text: expect.stringContaining('0.3 s') }],
          structuredContent: { exit_reason: 'timeout', result: null },
        },
      })
    } finally {
      await hurried.close()
    }
  })

  test('a model cannot approve programs through a service, people can [P-047]', async () => {
    const careful = await startService({ MCP_SANDBOX_REQUIRE_APPROVAL: 'true' })
    try {
      const ada = { kind: 'user' as const, subject: 'ada', workspaceId: 'ada', roles: ['user'] }
      // Good for one call each.
      const viaService = async () => ({ authorization: `Bearer ${await careful.internal.mint('mcp-tools', ada)}` })
      const listed = async (headers: Record<string, string>) => {
        const { result } = (await (await careful.post(LIST, headers)).json()) as {
          result: { tools: { name: string; inputSchema: { properties: object } }[] }
        }
        return Object.keys(result.tools.find(({ name }) => name === 'python_exec')!.inputSchema.properties)
      }
      for (const headers of [{}, await viaService()]) expect(await listed(headers)).not.toContain('approved')
      const run = async (args: object, headers: Record<string, string> = {}) =>
        ((await (await careful.post(call('js_exec', args), headers)).json()) as { result: { isError?: boolean } })
          .result
      expect((await run({ code: '1' })).isError).toBe(true)
      expect((await run({ code: '1', approved: true }, await viaService())).isError).toBe(true)
      expect(await run({ code: '1 + 1', approved: true })).toMatchObject({ structuredContent: { result: '2' } })
    } finally {
      await careful.close()
    }
  })
})

describe('sessions', () => {
  test('an id is given, accepted and bound to its caller [B-002]', async () => {
    const id = await openSession()
    const mine = await service.post(call('whoami'), { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' })
    expect(mine.status).toBe(200)
    const foreign = await service.post(call('whoami'), {
      'mcp-session-id': id,
      ...(await service.issuer.bearer('eve')),
    })
    expect([foreign.status, await foreign.json()]).toMatchObject([404, { id: 1, error: { code: -32001 } }])
    const forged = await service.post(call('whoami'), { 'mcp-session-id': `${id.slice(0, -4)}AAAA` })
    expect(forged.status).toBe(404)
  })

  test.each([['application/json'], [BOTH.accept]])('a cancelled call ends (%s) [H-104 B-006]', async (accept) => {
    const [mine, other] = [await openSession(), await openSession()]
    const as = `cancel ${accept}`
    const pending = service.post(call('wait', { as }, 7), { accept, 'mcp-session-id': mine })
    await until(() => service.started.includes(as))
    const cancel = (headers: Record<string, string>, requestId: string | number = 7) =>
      service.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } }, headers)
    await cancel({})
    await cancel({ 'mcp-session-id': other })
    await cancel({ 'mcp-session-id': mine }, '7')
    expect(service.aborted).not.toContain(as)
    expect((await cancel({ 'mcp-session-id': mine })).status).toBe(202)
    const response = await pending
    expect(service.aborted).toContain(as)
    const text = await response.text()
    if (accept === BOTH.accept) expect(messagesOf(text)).toEqual([])
    else expect(JSON.parse(text)).toMatchObject({ id: 7, error: { code: -32000 } })
  })

  test('a client that leaves cancels in 2026-07-28 and not in 2025-x [B-006]', async () => {
    const controller = new AbortController()
    const leaving = (as: string, modern: boolean) =>
      fetch(service.mcpUrl, {
        method: 'POST',
        signal: controller.signal,
        headers: {
          authorization: service.authorization,
          'content-type': 'application/json',
          ...(modern ? { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'wait' } : {}),
        },
        body: JSON.stringify({
          ...call('wait'),
          params: { name: 'wait', arguments: { as }, ...(modern ? { _meta: META } : {}) },
        }),
      }).catch(() => undefined)
    const pending = [leaving('left modern', true), leaving('left legacy', false)]
    await until(() => ['left modern', 'left legacy'].every((as) => service.started.includes(as)))
    controller.abort()
    await Promise.all(pending)
    await until(() => service.aborted.includes('left modern'))
    expect(service.aborted).not.toContain('left legacy')
    for (const release of service.release.splice(0)) release()
  })
})
