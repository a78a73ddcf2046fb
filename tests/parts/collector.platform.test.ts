import { fromPart } from '@jan/testkit/real-part'
import { until } from '@jan/testkit/until'
import { expect, test } from '@jest/globals'
import { startMediaApi } from './media-api.ts'

test('the collector takes a service’s traces and counts its calls by operation [H-46]', async () => {
  await using service = await startMediaApi({ OTEL_EXPORTER_OTLP_ENDPOINT: fromPart('JAN_TEST_COLLECTOR_URL') })
  expect(await service.resolve()).toBe(404)
  await service.stop()
  const call = /^traces_span_metrics_calls_total\{.*service_name="media-api".*span_name="resolve_media".*\} 1$/m
  await until(async () => {
    const metrics = await (await fetch(fromPart('JAN_TEST_COLLECTOR_METRICS_URL'))).text()
    return call.test(metrics)
  })
})
