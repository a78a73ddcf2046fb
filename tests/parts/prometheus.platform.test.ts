import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fromPart } from '@jan/testkit/real-part'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Json } from '../platform.ts'
import { startMediaApi, type WatchedService } from './media-api.ts'

const prometheus = fromPart('JAN_TEST_PROMETHEUS_URL')

let service: WatchedService
beforeAll(async () => {
  service = await startMediaApi()
  writeFileSync(fromPart('JAN_TEST_PROMETHEUS_TARGETS'), JSON.stringify([{ targets: [new URL(service.url).host] }]))
})
afterAll(() => service[Symbol.asyncDispose]())

/** The value of a query that has one result; undefined while it has none. */
async function query(text: string): Promise<number | undefined> {
  const answer = await fetch(`${prometheus}/api/v1/query?query=${encodeURIComponent(text)}`)
  const { data } = (await answer.json()) as Json
  const value = data.result[0]?.value[1]
  return value === undefined ? undefined : Number(value)
}

test('a service is scraped, and its requests are counted by operation [H-47]', async () => {
  await until(async () => (await query('up{job="service"}')) === 1)
  const counted = 'sum(http_server_request_duration_seconds_count{operation="resolve_media"})'
  expect(await service.resolve()).toBe(404)
  const before = await until(() => query(counted))
  expect(await service.resolve()).toBe(404)
  await until(async () => (await query(counted)) === before + 1)
})

test('promtool reads what it publishes, and finds no mistake in names of ours', async () => {
  await service.resolve()
  const metrics = await (await fetch(`${service.url}/metrics`)).text()
  const { status, stdout, stderr } = spawnSync(fromPart('JAN_TEST_PROMTOOL'), ['check', 'metrics'], {
    input: metrics,
    encoding: 'utf8',
  })
  // 3: readable, but a name is odd. Those of the runtime come from the library.
  expect([0, 3]).toContain(status)
  expect((stdout + stderr).split('\n').filter((line) => line && !line.startsWith('nodejs_'))).toEqual([])
})
