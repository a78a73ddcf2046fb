import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { relay, sse } from '../src/answer.ts'
import { createHttpApp } from '../src/http-app.ts'
import { createServerFor, listen } from '../src/lifecycle.ts'
import { everyoneIsLocal } from '../src/local-caller.ts'
import { silentLogger } from '../src/logger.ts'
import { createMetrics } from '../src/metrics.ts'
import { route, streamOf } from '../src/route.ts'

// Only the clock of the service stands still: sockets do not ask it.
beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'] }))
afterEach(() => void jest.useRealTimers())

/** Opens the stream that `answer` gives; `next` is what arrives next. */
async function open(answer: () => unknown) {
  const app = createHttpApp({
    service: 'a',
    version: '1',
    log: silentLogger,
    metrics: createMetrics('a'),
    authenticate: everyoneIsLocal,
    routes: [
      route({
        operation: 'watch_it',
        method: 'get',
        path: '/',
        summary: 'Watch',
        auth: 'none',
        answers: { 200: streamOf('text/event-stream', 'What happens') },
        handler: async () => answer() as never,
      }),
    ],
    dependencies: [],
    bodyLimit: 1,
  })
  const server = createServerFor(app)
  const port = await listen(server, { host: '127.0.0.1', port: 0 })
  const reader = (await fetch(`http://127.0.0.1:${port}`)).body!.pipeThrough(new TextDecoderStream()).getReader()
  return {
    next: async () => (await reader.read()).value,
    async [Symbol.asyncDispose]() {
      await reader.cancel()
      server.closeAllConnections()
      server.close()
    },
  }
}

test('a stream that is silent for 15 seconds says that it is alive, as often as needed [H-42]', async () => {
  const more = Promise.withResolvers<void>()
  async function* events() {
    yield { data: 'one' }
    await more.promise
    yield { data: 'two' }
  }
  await using stream = await open(() => sse(events()))
  expect(await stream.next()).toBe('data: one\n\n')
  for (let times = 0; times < 3; times += 1) {
    jest.advanceTimersByTime(15_000)
    expect(await stream.next()).toBe(': keep-alive\n\n')
  }
  more.resolve()
  expect(await stream.next()).toBe('data: two\n\n')
})

test('a relayed stream that stops within an event is not torn apart by it [H-42]', async () => {
  const more = Promise.withResolvers<void>()
  async function* bytes() {
    yield Buffer.from('data: ha')
    await more.promise
    yield Buffer.from('lf\n\n')
  }
  const headers = { 'content-type': 'text/event-stream' }
  await using stream = await open(() => relay(bytes(), { status: 200, headers }))
  expect(await stream.next()).toBe('data: ha')
  jest.advanceTimersByTime(60_000)
  more.resolve()
  expect(await stream.next()).toBe('lf\n\n')
})
