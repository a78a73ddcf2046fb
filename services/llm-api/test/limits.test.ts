import { startTestRedis } from '@jan/testkit/redis'
import { afterAll, expect, test } from '@jest/globals'
import { bootLlmApi, call, NOWHERE } from './boot.ts'

const closers: (() => unknown)[] = []
afterAll(async () => {
  for (const close of closers.reverse()) await close()
})

async function boot(env: Record<string, string>) {
  const service = await bootLlmApi({ REQUESTS_PER_MINUTE: '4', ...env })
  closers.push(() => service.close())
  const asAda = async () => call(service, 'GET', '/auth/me', { headers: await service.as('ada') })
  return { service, asAda }
}

test('a person who asks too much is refused, with Redis away too, and readiness names it [T-02 T-04 H-107]', async () => {
  const { service, asAda } = await boot({ REDIS_URL: NOWHERE.replace('http:', 'redis:') })
  const answers = [await asAda(), await asAda(), await asAda(), await asAda(), await asAda()]
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 429])
  expect(answers[4]).toMatchObject({ json: { error: { code: 'rate_limit_exceeded' } } })
  expect(Number(answers[4]!.headers.get('retry-after'))).toBeGreaterThan(50)
  const readiness = await call(service, 'GET', '/readyz')
  expect([readiness.status, readiness.json.degraded]).toEqual([200, expect.arrayContaining(['redis'])])
})

test('two replicas limit a person together [T-01]', async () => {
  const server = await startTestRedis()
  closers.push(() => server.close())
  const counted = async (points: number) => {
    while ((await server.judge.get('limit:llm-api:requests:ada')) !== String(points)) await new Promise(setImmediate)
  }
  const [one, two] = [await boot({ REDIS_URL: server.url }), await boot({ REDIS_URL: server.url })]
  for (let index = 0; index < 4; index++) expect((await one.asAda()).status).toBe(200)
  await counted(4)
  // The first is let through: this replica hears of the others when it settles.
  expect((await two.asAda()).status).toBe(200)
  await counted(5)
  let passed = 1
  while ((await two.asAda()).status === 200) passed += 1
  expect(passed).toBeLessThan(4)
})
