import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { get, guestToken, post, at as sharedAt, startTestPlatform, type TestPlatform } from '../platform.ts'

/** A platform whose parts are taken away one by one. Its supervisor is frozen meanwhile, so that it cannot mend what is broken. */
const OFFSET = 12_000
const at = (part: Parameters<typeof sharedAt>[0], path = '') => sharedAt(part, path, OFFSET)
let platform: TestPlatform
let token: string

beforeAll(async () => {
  platform = await startTestPlatform(OFFSET)
  token = await guestToken(OFFSET)
}, 60_000)
afterAll(() => platform.stop())

type Running = { pid: number; children: Record<string, number> }
const running = (): Running => JSON.parse(readFileSync(join(platform.stateDir, 'run.json'), 'utf8'))
const postmaster = () => Number(readFileSync(join(platform.stateDir, 'postgres/postmaster.pid'), 'utf8').split('\n')[0])

/** Kills a part, lets `look` see the platform without it, and lets the supervisor bring it back. */
async function without(pid: number, look: () => Promise<void>): Promise<void> {
  const supervisor = running().pid
  process.kill(supervisor, 'SIGSTOP')
  try {
    process.kill(pid, 'SIGKILL')
    await look()
  } finally {
    process.kill(supervisor, 'SIGCONT')
  }
}

const chat = () =>
  post(
    at('gateway', '/v1/chat/completions'),
    { model: 'jan-v1-4b', messages: [{ role: 'user', content: 'Hello' }] },
    token,
  )
const run = () => post(at('gateway', '/v1/responses'), { model: 'jan-v1-4b', input: 'Hello', tools: [] }, token)

test('without PostgreSQL what needs it is 503, readiness names it, and all comes back [H-105]', async () => {
  await without(postmaster(), async () => {
    await until(async () => (await get(at('response-api', '/readyz'))).status === 503)
    expect((await get(at('response-api', '/readyz'))).body).toMatchObject({
      status: 'unavailable',
      failing: ['postgres'],
    })
    expect((await get(at('llm-api', '/healthz'))).status).toBe(200)
    for (const refused of [await run(), await get(at('gateway', '/v1/media/jan_01hqr8v9k2x3f4g5h6j7k8m9n0'), token)]) {
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, expect.any(String)])
      expect(refused.body.message).not.toMatch(/127\.0\.0\.1|ECONN|\d{5}/)
    }
  })
  await until(async () => (await run()).status === 200)
  await until(async () => (await get(at('media-api', '/readyz'))).status === 200)
}, 60_000)

test('without the identity provider known tokens go on, and log-in is 503 [H-106 H-57]', async () => {
  expect((await chat()).status).toBe(200)
  await without(running().children.identity!, async () => {
    expect((await chat()).status).toBe(200)
    expect((await post(at('gateway', '/auth/guest-login'), {})).status).toBe(503)
    expect((await get(at('llm-api', '/readyz'))).body).toMatchObject({
      status: 'ready',
      degraded: expect.arrayContaining(['identity']),
    })
  })
  await until(async () => (await post(at('gateway', '/auth/guest-login'), {})).status === 201)
}, 60_000)

test('without the model chat is 502 with the reason, and runs say so too [H-103]', async () => {
  await without(running().children.simulator!, async () => {
    const refused = await chat()
    expect([refused.status, refused.body.error]).toEqual([
      502,
      expect.objectContaining({ type: 'upstream_error', message: expect.any(String) }),
    ])
    expect((await run()).status).toBe(502)
    expect((await get(at('llm-api', '/readyz'))).body.status).toBe('ready')
  })
  await until(async () => (await chat()).status === 200)
}, 60_000)

test('without the tools a run that needs them is 503, one that does not goes on [H-106]', async () => {
  await without(running().children['mcp-tools']!, async () => {
    expect(
      (await post(at('gateway', '/v1/responses'), { model: 'jan-v1-4b', input: 'Run python: 6*7' }, token)).status,
    ).toBe(503)
    expect((await run()).status).toBe(200)
  })
  await until(
    async () =>
      (await post(at('gateway', '/v1/responses'), { model: 'jan-v1-4b', input: 'Run python: 6*7' }, token)).status ===
      200,
  )
}, 60_000)
