import { request as httpRequest } from 'node:http'
import { describe, expect, test } from '@jest/globals'
import { type ErrorBody, parseChunk, readEvents, startSimulator, until, user } from '../test/simulator-client.ts'
import { parseScript } from './script.ts'

const text = 'one two three four five six'

describe('the turns [H-62]', () => {
  const call = { id: 'c1', type: 'function', function: { name: 'scrape', arguments: '{}' } }
  const round = [
    { role: 'assistant', content: null, tool_calls: [call] },
    { role: 'tool', tool_call_id: 'c1', content: 'x' },
  ]

  test('advance with each assistant message after the last user message, and the last repeats', async () => {
    await using simulator = await startSimulator({ script: [{ text: 'zero' }, { text: 'one' }] })
    const say = async (messages: object[]) => (await simulator.complete({ messages })).choices[0]?.message.content
    expect(await say([user('a')])).toBe('zero')
    expect(await say([user('a'), ...round])).toBe('one')
    expect(await say([user('a'), ...round, ...round])).toBe('one')
    expect(await say([user('a'), ...round, { role: 'assistant', content: 'b' }, user('c')])).toBe('zero')
  })

  test('come from the header before they come from the file, as JSON or base64url', async () => {
    await using simulator = await startSimulator({ script: [{ text: 'file' }] })
    expect((await simulator.complete({}, [{ text: 'header' }])).choices[0]?.message.content).toBe('header')
    const script = Buffer.from(JSON.stringify([{ text: 'Grüße, 漢字' }])).toString('base64url')
    const body = { model: 'jan-simulator', messages: [user('Hi')] }
    const response = await simulator.post('/v1/chat/completions', body, { 'x-simulator-script': script })
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'Grüße, 漢字' } }] })
  })

  test('give tool calls as they stand, broken arguments included, and their own finish reason and headers', async () => {
    await using simulator = await startSimulator()
    const turn = {
      tool_calls: [{ name: 'unknown_tool', arguments: '{"broken' }],
      finish_reason: 'content_filter',
      headers: { 'x-ratelimit-remaining': '3' },
    }
    const response = await simulator.chat({}, [turn])
    expect(response.headers.get('x-ratelimit-remaining')).toBe('3')
    expect(await response.json()).toMatchObject({
      choices: [
        {
          message: { content: null, tool_calls: [{ function: { name: 'unknown_tool', arguments: '{"broken' } }] },
          finish_reason: 'content_filter',
        },
      ],
    })
  })

  test('wait before the answer and between the chunks', async () => {
    await using simulator = await startSimulator()
    const started = performance.now()
    await (await simulator.chat({ stream: true }, [{ text, delay_ms: 40, chunk_delay_ms: 10 }])).text()
    expect(performance.now() - started).toBeGreaterThan(100)
  })

  test('answer with a status, an error body and headers', async () => {
    await using simulator = await startSimulator()
    for (const stream of [false, true]) {
      const turn = { status: 429, headers: { 'retry-after': '7' }, error: { message: 'Slow down', code: 'busy' } }
      const response = await simulator.chat({ stream }, [turn])
      expect([response.status, response.headers.get('retry-after')]).toEqual([429, '7'])
      expect(await response.json()).toEqual({
        error: { message: 'Slow down', type: 'invalid_request_error', code: 'busy', param: null },
      })
    }
    const plain = await simulator.chat({}, [{ status: 503 }])
    expect([plain.status, ((await plain.json()) as ErrorBody).error.type]).toEqual([503, 'server_error'])
  })
})

describe('a bad script is refused, saying what is wrong', () => {
  test.each<[string, RegExp]>([
    ['[{"text"', /Not JSON/],
    ['no-base64-json', /Not JSON/],
    ['{"text":"x"}', /expected array/],
    ['[]', />=1/],
    ['[{"txet":"x"}]', /0: Unrecognized key: "txet"/],
    ['[{"text":"x"},{"text":1}]', /1\.text/],
    ['[{"status":200}]', /0\.status/],
    ['[{"fault":"explode"}]', /0\.fault.*"reset"/],
    ['[{"delay_ms":-1}]', /0\.delay_ms/],
    ['[{"tool_calls":[{"name":"x"}]}]', /0\.tool_calls\.0\.arguments/],
  ])('%s', async (script, reason) => {
    expect(() => parseScript(script)).toThrow(reason)
    await using simulator = await startSimulator()
    const body = { model: 'jan-simulator', messages: [user('Hi')] }
    const response = await simulator.post('/v1/chat/completions', body, { 'x-simulator-script': script })
    expect(response.status).toBe(400)
    expect(((await response.json()) as ErrorBody).error.code).toBe('invalid_script')
  })
})

describe('faults of a stream [H-62]', () => {
  const stream = async (turn: object) => {
    await using simulator = await startSimulator()
    return await readEvents(await simulator.chat({ stream: true }, [{ text, ...turn }]))
  }

  test('no_done: all but [DONE]', async () => {
    const events = await stream({ fault: 'no_done' })
    expect(parseChunk(events.at(-1) ?? '').choices[0]?.finish_reason).toBe('stop')
  })

  test('truncate: the stream ends within an event', async () => {
    const events = await stream({ fault: 'truncate', after_chunks: 3 })
    expect(events).toHaveLength(4)
    expect(() => JSON.parse(events.at(-1) ?? '')).toThrow()
  })

  test('garbage: one event is not JSON, the others are whole', async () => {
    const events = await stream({ fault: 'garbage', after_chunks: 2 })
    expect(() => JSON.parse(events[2] ?? '')).toThrow()
    expect(events.toSpliced(2, 1).slice(0, -1).map(parseChunk)).toHaveLength(8)
  })

  test('error_event: an error in the stream, then its end', async () => {
    const events = await stream({ fault: 'error_event', after_chunks: 2, error: { message: 'Out of memory' } })
    expect(events).toHaveLength(3)
    expect(JSON.parse(events[2] ?? '')).toMatchObject({ error: { message: 'Out of memory', type: 'server_error' } })
  })

  test('reset: the connection breaks after the chunks', async () => {
    await using simulator = await startSimulator()
    const { received, error } = await readRaw(simulator.url, { text, fault: 'reset', after_chunks: 3 })
    expect(error).toMatchObject({ code: 'ECONNRESET' })
    expect(received.match(/data: /g)).toHaveLength(3)
    const log = await until(simulator.log, ({ in_flight }) => in_flight === 0)
    expect(log).toMatchObject({ requests: [{ cut_off: true }] })
    const { received: nothing } = await readRaw(simulator.url, { text, fault: 'reset' })
    expect(nothing).toBe('')
  })

  test('hang: nothing more comes until the client leaves', async () => {
    await using simulator = await startSimulator()
    const leaving = new AbortController()
    const turn = { text, fault: 'hang', after_chunks: 2 }
    const response = await simulator.chat({ stream: true }, [turn], leaving.signal)
    expect((await simulator.log()).in_flight).toBe(1)
    leaving.abort()
    await expect(response.text()).rejects.toThrow()
    const log = await until(simulator.log, ({ in_flight }) => in_flight === 0)
    expect(log).toMatchObject({ requests: [{ cut_off: true }] })
  })
})

describe('faults of an answer in one piece [H-62]', () => {
  test.each(['truncate', 'garbage'])('%s: the body is not JSON', async (fault) => {
    await using simulator = await startSimulator()
    const body = await (await simulator.chat({}, [{ text, fault }])).text()
    expect(body.length).toBeGreaterThan(0)
    expect(() => JSON.parse(body)).toThrow()
  })

  test('error_event: an error answer', async () => {
    await using simulator = await startSimulator()
    const response = await simulator.chat({}, [{ fault: 'error_event', error: { message: 'Busy' } }])
    expect([response.status, await response.json()]).toMatchObject([500, { error: { message: 'Busy' } }])
  })

  test('reset: no answer at all', async () => {
    await using simulator = await startSimulator()
    await expect(simulator.chat({}, [{ fault: 'reset' }])).rejects.toThrow()
  })

  test('hang: closing the simulator ends it', async () => {
    const simulator = await startSimulator()
    const answer = simulator.chat({}, [{ fault: 'hang' }])
    await until(simulator.log, ({ in_flight }) => in_flight === 1)
    await Promise.all([expect(answer).rejects.toThrow(), simulator.close()])
  })
})

test('a client that leaves stops the stream at once', async () => {
  await using simulator = await startSimulator()
  const leaving = new AbortController()
  const turn = { text: 'word '.repeat(1_000), chunk_delay_ms: 60_000 }
  const response = await simulator.chat({ stream: true }, [turn], leaving.signal)
  await response.body?.getReader().read()
  leaving.abort()
  const log = await until(simulator.log, ({ in_flight }) => in_flight === 0)
  expect(log).toMatchObject({ requests: [{ cut_off: true }] })
})

/** What reaches a plain socket reader before the connection breaks. */
function readRaw(url: string, turn: object): Promise<{ received: string; error: Error | undefined }> {
  return new Promise((resolve) => {
    let received = ''
    const headers = { 'x-simulator-script': JSON.stringify([turn]) }
    const request = httpRequest(`${url}/v1/chat/completions`, { method: 'POST', headers }, (response) => {
      response.on('data', (data) => {
        received += data
      })
      response.on('error', (error) => resolve({ received, error }))
    })
    request.on('error', (error) => resolve({ received, error }))
    request.end(JSON.stringify({ model: 'jan-simulator', messages: [user('Hi')], stream: true }))
  })
}
