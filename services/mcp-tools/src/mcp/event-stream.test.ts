import type { Caller } from '@jan/service-kit/auth'
import { expect, test } from '@jest/globals'
import { createEventStreams } from './event-stream.ts'

const person = (subject: string): Caller => ({ kind: 'user', subject, workspaceId: subject, roles: [] })
const service: Caller = { kind: 'service', service: 'response-api' }

test('nobody takes all streams: each has a few, and who closes one may open another', async () => {
  const streams = createEventStreams(5, 2)
  const open = (caller: Caller, signal = new AbortController().signal) =>
    streams.open({ caller, signal }, () => () => {})
  const leaving = new AbortController()
  const first = open(person('ada'))
  open(person('ada'), leaving.signal)
  const refusal = expect.objectContaining({
    code: 'rate_limited',
    message: expect.stringContaining('You hold 2 streams'),
  })
  expect(() => open(person('ada'))).toThrow(refusal)
  leaving.abort()
  open(person('ada'))
  expect(() => open(person('ada'))).toThrow(refusal)
  await first.cancel()
  open(person('ada'))
  expect(() => open(person('ada'))).toThrow(refusal)
  // A service has its streams for many people.
  for (let i = 0; i < 3; i++) open(service)
  expect(() => open(person('eve'))).toThrow(expect.objectContaining({ code: 'unavailable' }))
})
