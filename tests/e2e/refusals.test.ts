import { beforeAll, expect, test } from '@jest/globals'
import { generateKeyPair, SignJWT } from 'jose'
import { at, guestToken, post, send } from '../platform.ts'

let token: string
beforeAll(async () => {
  token = await guestToken()
})

const CHAT = { model: 'jan-v1-4b', messages: [{ role: 'user', content: 'Hello' }] }
const MEDIA = { source: { type: 'data_url', data_url: 'data:image/png;base64,AAAA' } }
const RPC = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
/** Each service, through the gateway and directly. */
const DOORS: [string, string, unknown][] = [
  ['chat', at('gateway', '/v1/chat/completions'), CHAT],
  ['chat directly', at('llm-api', '/v1/chat/completions'), CHAT],
  ['responses', at('gateway', '/v1/responses'), { input: 'Hi' }],
  ['responses directly', at('response-api', '/v1/responses'), { input: 'Hi' }],
  ['media', at('gateway', '/v1/media'), MEDIA],
  ['media directly', at('media-api', '/v1/media'), MEDIA],
  ['mcp', at('gateway', '/v1/mcp'), RPC],
  ['mcp directly', at('mcp-tools', '/v1/mcp'), RPC],
]

async function forged(claims: Record<string, unknown>): Promise<string> {
  const { privateKey } = await generateKeyPair('RS256')
  return new SignJWT({ aud: 'jan', ...claims })
    .setIssuer(at('identity', '/realms/jan'))
    .setSubject('ada')
    .setExpirationTime('1h')
    .setProtectedHeader({ alg: 'RS256', kid: 'forged' })
    .sign(privateKey)
}

test.each(DOORS)(
  '%s: no token, a forged one, and identity headers are 401 [H-98 H-99 P-019]',
  async (name, url, body) => {
    const attempts = [
      post(url, body),
      post(url, body, await forged({})),
      post(url, body, 'garbage'),
      post(url, body, undefined, { 'X-User-ID': 'admin', 'X-User-Subject': 'admin', 'X-Auth-Method': 'apikey' }),
      post(url, body, undefined, { 'x-principal-id': 'admin', 'X-Consumer-ID': '1', 'X-Credential-Identifier': 'x' }),
    ]
    for (const { status, headers, body: answer } of await Promise.all(attempts)) {
      expect([status, headers.get('www-authenticate')]).toEqual([401, expect.stringMatching(/^Bearer /)])
      expect(answer.message).toEqual(expect.any(String))
      if (name.startsWith('media')) expect(answer.error).toBe(answer.message)
      else expect(answer.error.message).toBe(answer.message)
      expect(answer.request_id).toEqual(expect.any(String))
    }
  },
)

test('malformed JSON is 400 and names the place [H-100]', async () => {
  for (const path of ['/v1/chat/completions', '/v1/responses', '/v1/media']) {
    const { status, body } = await send('POST', at('gateway', path), { token, body: '{"model": "x",, }' })
    expect([status, body.message]).toEqual([400, expect.stringMatching(/position 14 \(line 1, column 15\)/)])
  }
})

test('bodies over the limit are 413 [H-101]', async () => {
  const big = `"${'x'.repeat(31 * 1024 * 1024)}"`
  expect((await send('POST', at('gateway', '/v1/media'), { token, body: big })).status).toBe(413)
  expect(
    (await send('POST', at('media-api', '/v1/media'), { token, body: big }).catch(() => ({ status: 413 }))).status,
  ).toBe(413)
})

test('what does not exist is named [H-102]', async () => {
  const model = await post(at('gateway', '/v1/chat/completions'), { ...CHAT, model: 'no-such-model' }, token)
  expect([model.status, model.body.error]).toEqual([
    404,
    expect.objectContaining({ code: 'model_not_found', message: expect.stringContaining('no-such-model') }),
  ])
  const id = 'jan_01hqr8v9k2x3f4g5h6j7k8m9n0'
  const media = await post(
    at('gateway', '/v1/chat/completions'),
    { ...CHAT, messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: id } }] }] },
    token,
  )
  expect([media.status, media.body.error.message]).toEqual([404, expect.stringContaining(id)])
  expect((await send('GET', at('gateway', `/v1/media/${id}`), { token })).status).toBe(404)
  expect((await send('GET', at('gateway', '/v1/nothing-here'), { token })).status).toBe(404)
})

test('request ids go through the gateway and come back [H-53]', async () => {
  const { headers } = await post(at('gateway', '/v1/chat/completions'), CHAT, token, { 'x-request-id': 'my-request-1' })
  expect(headers.get('x-request-id')).toBe('my-request-1')
})

test('what services tell their neighbours does not leave through the gateway', async () => {
  for (const path of ['/metrics', '/llm/metrics', '/responses/metrics', '/media/metrics', '/mcp/metrics']) {
    const { status, body } = await send('GET', at('gateway', path), { token })
    expect([path, status]).toEqual([path, 404])
    expect(JSON.stringify(body)).not.toContain('process_cpu')
  }
})
