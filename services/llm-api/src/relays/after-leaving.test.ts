import { setImmediate as turn } from 'node:timers/promises'
import { AppError } from '@jan/service-kit/errors'
import { until } from '@jan/testkit/until'
import { expect, test } from '@jest/globals'
import { watchLeaving } from './after-leaving.ts'

test('chunks that come together after the client has left are all read before the provider is cut [L-042]', async () => {
  let leave: ((reason: AppError) => void) | undefined
  const leaving = watchLeaving({
    onLeft: (listener) => {
      leave = listener
    },
  })
  let cuts = 0
  leaving.stop.onStop = () => {
    cuts += 1
  }
  leave!(new AppError('client_closed_request', 'The client went away'))
  const left = performance.now()
  await until(() => performance.now() - left > 35)
  // One packet with three chunks: the parser tells of them one after the other.
  for (const _chunk of [1, 2, 3]) leaving.chunkCame()
  expect(cuts).toBe(0)
  await turn()
  expect(cuts).toBe(1)
  leaving.settle()
})
