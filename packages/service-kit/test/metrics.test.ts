import { expect, test } from '@jest/globals'
import { createMetrics } from '../src/metrics.ts'

test('requests by operation and status, those in flight and the lag of the event loop are counted [H-47]', async () => {
  const metrics = createMetrics('notes')
  for (let request = 0; request < 3; request += 1) metrics.began()
  metrics.ended('create_note', 201, 0.02)
  metrics.ended('create_note', 201, 0.2)
  metrics.counter('notes_made_total', 'Notes', ['kind']).inc({ kind: 'short' }, 3)
  const text = await metrics.registry.metrics()
  const value = (series: RegExp) =>
    Number(
      text
        .split('\n')
        .find((line) => series.test(line))
        ?.split(' ')
        .at(-1),
    )
  expect(value(/^http_server_request_duration_seconds_count.*operation="create_note".*status="201"/)).toBe(2)
  expect(value(/^http_server_request_duration_seconds_bucket.*le="0.025".*operation="create_note"/)).toBe(1)
  expect(value(/^http_server_requests_in_flight\{service="notes"\}/)).toBe(1)
  expect(value(/^nodejs_eventloop_lag_seconds\{/)).toBeGreaterThanOrEqual(0)
  expect(value(/^notes_made_total\{.*kind="short"/)).toBe(3)
})
