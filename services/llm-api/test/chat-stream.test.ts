import { setImmediate as tick } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { type Booted, bootLlmApi } from './boot.ts'
import { beginStream, chunk, type FakeProvider, startFakeProvider } from './fake-provider.ts'

let provider: FakeProvider
let service: Booted
let ann: { authorization: string }

beforeAll(async () => {
  provider = await startFakeProvider()
  service = await bootLlmApi({ JAN_MODEL_BASE_URL: provider.url, MODEL_IDLE_TIMEOUT: '1s' })
  ann = await service.as('ann')
})
beforeEach(() => {
  provider.calls.length = 0
})
afterAll(async () => {
  await service.close()
  await provider.close()
})

const stream = (signal: AbortSignal | null = null) =>
  fetch(`${service.url}/v1/chat/completions`, {
    method: 'POST',
    headers: ann,
    signal,
    body: JSON.stringify({ model: 'fake-model', messages: [{ role: 'user', content: 'hi' }], stream: true }),
  })

/** Answers with these pieces, then ends. */
const play = (...pieces: (string | Uint8Array)[]) => {
  provider.onChat = (response) => {
    beginStream(response)
    for (const piece of pieces) response.write(piece)
    response.end()
  }
}

/** The JSON of the error event that ends the text. */
function lateError(text: string): { error: { message: string; code: string }; request_id: string } {
  const [, data] = /(?:^|\n\n)event: error\ndata: (.+)\n\n$/.exec(text) ?? []
  if (!data) throw new Error(`no error event at the end of ${JSON.stringify(text)}`)
  return JSON.parse(data)
}

test('a stream arrives byte for byte, whatever the pieces [H-18]', async () => {
  const whole = Buffer.from(
    `: comment\r\n\r\n${chunk('süß 🌍').replaceAll('\n', '\r\n')}${chunk('b', 'stop')}: bye\n\ndata: [DONE]\n\n`,
  )
  provider.onChat = async (response) => {
    beginStream(response)
    for (const byte of whole) {
      response.write(Uint8Array.of(byte))
      await tick()
    }
    response.end()
  }
  const answer = await stream()
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/)
  expect(answer.headers.get('x-principal-id')).toBe('ann')
  expect(Buffer.from(await answer.arrayBuffer()).equals(whole)).toBe(true)
  expect(provider.calls[0]?.headers.accept).toBe('text/event-stream')
})

test('events are relayed as they come', async () => {
  let sendMore = () => {}
  const more = new Promise<void>((resolve) => {
    sendMore = resolve
  })
  provider.onChat = async (response) => {
    beginStream(response)
    response.write(chunk('one'))
    await more
    response.end(`${chunk('two', 'stop')}data: [DONE]\n\n`)
  }
  const reader = (await stream()).body!.getReader()
  expect(Buffer.from((await reader.read()).value!).toString()).toBe(chunk('one'))
  sendMore()
  expect(Buffer.from((await reader.read()).value!).toString()).toContain('two')
  await reader.cancel()
})

test('a stream with a finish but without [DONE] is complete, and ends as every whole answer does', async () => {
  play(chunk('a'), chunk('', 'stop'))
  expect(await (await stream()).text()).toBe(`${chunk('a')}${chunk('', 'stop')}data: [DONE]\n\n`)
})

test('a stream that ends too early ends in an error event [H-103]', async () => {
  play(chunk('a'), chunk('b'))
  const answer = await stream()
  const text = await answer.text()
  expect(text.startsWith(chunk('a') + chunk('b'))).toBe(true)
  expect(text).not.toContain('[DONE]')
  expect(lateError(text)).toMatchObject({
    error: { message: 'The model provider ended its answer too early', code: 'upstream_failed' },
    request_id: answer.headers.get('x-request-id'),
  })
})

test('a stream that ends before its first event is 502', async () => {
  play()
  expect((await stream()).status).toBe(502)
})

test('a connection that is reset after three events and a half ends in an error event, without the half', async () => {
  let reset = () => {}
  provider.onChat = (response) => {
    beginStream(response)
    response.write(`${chunk('1')}${chunk('2')}${chunk('3')}data: {"id":"chatcm`)
    reset = () => response.socket?.resetAndDestroy()
  }
  const reader = (await stream()).body!.getReader()
  let text = Buffer.from((await reader.read()).value!).toString()
  reset()
  for (let next = await reader.read(); !next.done; next = await reader.read())
    text += Buffer.from(next.value).toString()
  expect(text.startsWith(`${chunk('1')}${chunk('2')}${chunk('3')}event: error`)).toBe(true)
  expect(lateError(text).error.message).toBe('The connection to the model provider broke')
})

test('a provider that falls silent is cut off, and the client is told [H-103]', async () => {
  provider.onChat = (response) => {
    beginStream(response)
    response.write(chunk('a'))
  }
  expect(lateError(await (await stream()).text()).error.code).toBe('upstream_timeout')
  await provider.calls[0]!.left
})

test("the provider's own error event is relayed, and nothing is added", async () => {
  const error = 'data: {"error":{"message":"out of memory"}}\n\n'
  play(chunk('a'), error)
  expect(await (await stream()).text()).toBe(chunk('a') + error)
})

test('the stream ends with [DONE] even when the provider keeps the connection open', async () => {
  provider.onChat = (response) => {
    beginStream(response)
    response.write(`${chunk('a', 'stop')}data: [DONE]\n\n`)
  }
  expect((await (await stream()).text()).endsWith('data: [DONE]\n\n')).toBe(true)
  await provider.calls[0]!.left
})

test('a finished stream leaves its connection to the next one', async () => {
  const sockets = new Set<unknown>()
  provider.onChat = (response) => {
    sockets.add(response.socket)
    beginStream(response)
    response.write(chunk('a', 'stop'))
    response.write('data: [DONE]\n\n', () => response.end())
  }
  for (let round = 0; round < 5; round += 1) await (await stream()).text()
  expect(sockets.size).toBeLessThan(5)
})

test('a client that leaves stops the provider at once [H-104]', async () => {
  const waits: number[] = []
  for (let round = 0; round < 5 && Math.min(...waits) > 100; round += 1) {
    provider.calls.length = 0
    provider.onChat = (response) => {
      beginStream(response)
      response.write(chunk('a'))
    }
    const leaving = new AbortController()
    const reader = (await stream(leaving.signal)).body!.getReader()
    await reader.read()
    const since = performance.now()
    leaving.abort()
    await provider.calls[0]!.left
    waits.push(performance.now() - since)
  }
  // The best of a few: other work on the machine must not decide.
  expect(Math.min(...waits)).toBeLessThanOrEqual(100)
})

test('a client that leaves before the head stops the provider too [H-104]', async () => {
  const leaving = new AbortController()
  let arrived = () => {}
  const asked = new Promise<void>((resolve) => {
    arrived = resolve
  })
  provider.onChat = () => arrived()
  const answer = stream(leaving.signal).catch(() => undefined)
  await asked
  leaving.abort()
  await provider.calls[0]!.left
  await answer
})
