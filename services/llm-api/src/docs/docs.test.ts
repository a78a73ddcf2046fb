import { readFileSync } from 'node:fs'
import { createHttpApp } from '@jan/service-kit/http-app'
import { silentLogger } from '@jan/service-kit/logger'
import { createMetrics } from '@jan/service-kit/metrics'
import { type Served, serve } from '@jan/testkit/serve'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { docsRoutes } from './docs.routes.ts'

let app: Served
const get = (path: string) => fetch(`${app.url}${path}`, { redirect: 'manual' })

beforeAll(async () => {
  const { handler } = createHttpApp({
    service: 'llm-api',
    version: '1',
    log: silentLogger,
    metrics: createMetrics('llm-api'),
    authenticate: async () => undefined,
    routes: docsRoutes(),
    dependencies: [],
    bodyLimit: 1,
  })
  app = await serve(handler)
})
afterAll(() => app.close())

test('the page is Swagger UI, and all it asks for is here [I-070]', async () => {
  for (const path of ['/v1/swagger/', '/v1/swagger']) {
    const page = await get(path)
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    const asked = [...(await page.text()).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address!)
    expect(asked).toHaveLength(4)
    for (const address of asked) expect([address, (await get(address)).status]).toEqual([address, 200])
  }
})

test('nothing comes from elsewhere, and the policy forbids what is not ours [I-070]', async () => {
  for (const file of ['', 'start.js', 'swagger-ui.css', 'swagger-ui-bundle.js', 'openapi.json']) {
    const answer = await get(`/v1/swagger/${file}`)
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    const policy = answer.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toMatch(/unsafe|https?:|\*/)
    const loads = (await answer.text()).match(
      /(?:src|href)="(?!\/v1\/swagger\/)[^"]*"|@import|url\(["']?https?:[^)]*\)/g,
    )
    if (file !== 'swagger-ui-bundle.js') expect(loads).toBeNull()
  }
})

test('the document is the one of all services [I-070]', async () => {
  const committed = readFileSync(new URL('../../../../docs/reference/openapi.json', import.meta.url), 'utf8')
  const { paths } = (await (await get('/v1/swagger/openapi.json')).json()) as { paths: object }
  expect(paths).toEqual(JSON.parse(committed).paths)
  expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/v1/chat/completions', '/v1/responses', '/v1/media']))
})

test('other files are 404, and /docs leads to the page [I-070]', async () => {
  for (const name of ['nothing.js', 'package.json', '..%2fpackage.json', 'constructor', 'swagger-ui.css.map'])
    expect([name, (await get(`/v1/swagger/${name}`)).status]).toEqual([name, 404])
  const answer = await get('/docs')
  expect([answer.status, answer.headers.get('location')]).toEqual([302, '/v1/swagger/'])
})
