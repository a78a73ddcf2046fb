import { randomBytes } from 'node:crypto'
import { fromPart } from '@jan/testkit/real-part'
import { until } from '@jan/testkit/until'
import { expect, test } from '@jest/globals'
import type { Json } from '../platform.ts'
import { startMediaApi } from './media-api.ts'

const jaeger = fromPart('JAN_TEST_JAEGER_URL')

test('a trace of a service is found in Jaeger under its operation, with what it asked its database [H-46]', async () => {
  const traceId = randomBytes(16).toString('hex')
  await using service = await startMediaApi({ OTEL_EXPORTER_OTLP_ENDPOINT: fromPart('JAN_TEST_COLLECTOR_URL') })
  expect(await service.resolve(traceId)).toBe(404)
  await service.stop()
  const spans = await until(async () => {
    const answer = await fetch(`${jaeger}/api/traces/${traceId}`)
    return answer.ok ? (((await answer.json()) as Json).data[0]?.spans as Json[] | undefined) : undefined
  })
  const names = spans.map(({ operationName }) => operationName)
  expect(names).toContain('resolve_media')
  expect(names).toContainEqual(expect.stringMatching(/^pg/))
  const { data: services } = (await (await fetch(`${jaeger}/api/services`)).json()) as Json
  expect(services).toContain('media-api')
})
