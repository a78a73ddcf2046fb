import { send } from '@jan/embedded/gateway/client.fixture'
import { describe, expect, test } from '@jest/globals'
import { startSubject } from './harness/subject.ts'

const ORIGIN = 'http://localhost:3000'
const preflight = (origin: string) => ({ origin, 'access-control-request-method': 'POST' })

describe('CORS [H-74 I-062]', () => {
  test('a preflight is answered by the gateway', async () => {
    await using gateway = await startSubject()
    const { status, headers, body } = await send(gateway, { method: 'OPTIONS', headers: preflight(ORIGIN) })
    expect({ status, body }).toEqual({ status: 200, body: '' })
    expect(headers).toMatchObject({
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': expect.stringMatching(/GET.*POST.*PUT.*PATCH.*DELETE/),
      'access-control-allow-headers': expect.stringContaining('Mcp-Session-Id'),
      'access-control-max-age': '3600',
      vary: expect.stringContaining('Origin'),
    })
    expect(headers).not.toHaveProperty('ratelimit-limit')
    expect(gateway.services.recorded).toEqual([])
  })

  test('a foreign origin gets the same without its name', async () => {
    await using gateway = await startSubject()
    gateway.services.answer((_req, res) => res.setHeader('Access-Control-Allow-Origin', '*').end())
    const foreign = { origin: 'http://localhost.evil:3000' }
    const refused = await send(gateway, { method: 'OPTIONS', headers: preflight(foreign.origin) })
    expect(refused.status).toBe(200)
    expect(refused.headers).not.toHaveProperty('access-control-allow-origin')
    expect(refused.headers).toHaveProperty('access-control-allow-methods')
    const simple = await send(gateway, { headers: foreign })
    expect(simple.headers).not.toHaveProperty('access-control-allow-origin')
    expect(gateway.services.recorded).toHaveLength(1)
  })

  test('a simple request passes and may read the exposed headers', async () => {
    await using gateway = await startSubject()
    gateway.services.answer((_req, res) => res.setHeader('Access-Control-Expose-Headers', 'X-Other').end())
    const { lines } = await send(gateway, { headers: { origin: ORIGIN } })
    expect(lines['access-control-allow-origin']).toEqual([ORIGIN])
    expect(lines['access-control-expose-headers']).toEqual([expect.stringContaining('Retry-After')])
    expect(lines['access-control-expose-headers']?.[0]).not.toContain('X-Other')
  })

  test('a preflight needs a route, and OPTIONS without a method asked for goes to the service', async () => {
    await using gateway = await startSubject()
    expect((await send(gateway, { method: 'OPTIONS', path: '/no', headers: preflight(ORIGIN) })).status).toBe(404)
    await send(gateway, { method: 'OPTIONS', headers: { origin: ORIGIN } })
    expect(gateway.services.recorded.map(({ method }) => method)).toEqual(['OPTIONS'])
  })
})
