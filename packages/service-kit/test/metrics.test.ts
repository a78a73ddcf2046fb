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

test('a service has counters, distributions and numbers of its own [H-47]', async () => {
  const metrics = createMetrics('notes')
  const made = metrics.counter('notes_made_total', 'Notes', ['kind']).labels({ kind: 'short' })
  made.inc()
  made.inc(2)
  const lengths = metrics.histogram('notes_length_bytes', 'Length', ['kind'], [10, 100])
  lengths.labels({ kind: 'short' }).observe(7)
  lengths.labels({ kind: 'short' }).observe(70)
  let waiting = 3
  metrics.gauge('notes_waiting', 'Waiting', () => waiting)
  waiting += 1
  const text = await metrics.registry.metrics()
  expect(text).toMatch(/^notes_made_total\{kind="short".*\} 3$/m)
  expect(text).toMatch(/^notes_length_bytes_bucket\{le="10",.*kind="short".*\} 1$/m)
  expect(text).toMatch(/^notes_length_bytes_sum\{.*kind="short".*\} 77$/m)
  expect(text).toMatch(/^notes_waiting\{.*\} 4$/m)
})
