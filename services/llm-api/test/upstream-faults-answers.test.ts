import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { completion } from './fake-provider.ts'
import { breakAfter, type OnCall, play, raw } from './fixtures/any-provider.ts'
import { type ManyModels, startManyModels } from './fixtures/many-models.ts'

/** What a provider may do to an answer that is not streamed, as HTTP and as JSON. */
let many: ManyModels
beforeAll(async () => {
  many = await startManyModels()
})
beforeEach(() => {
  many.provider.calls.length = 0
})
afterAll(() => many.close())

const JSON_TYPE = 'application/json'
const whole = JSON.stringify(completion('süß 🌍'))
const LENGTH = Buffer.byteLength(whole)
const head = ['HTTP/1.1 200 OK', `content-type: ${JSON_TYPE}`]

async function ask(onCall: OnCall, more: Record<string, unknown> = {}) {
  many.provider.onCall = onCall
  const answer = await many.chat(many.fresh(), more)
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}
const errorOf = ({ text }: { text: string }) =>
  (JSON.parse(text) as { error: { message: string; type: string; code: string } }).error

describe('an answer arrives byte for byte [L-030 L-042]', () => {
  test('with zeros, nulls, empty things and fields that nobody knows, at every depth', async () => {
    const odd = `{"id":"","created":0,"x":null,"choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":null,"tool_calls":[],"reasoning_content":"","vendor":{"a":[{"b":0,"c":false,"d":""}]}},"finish_reason":"stop","logprobs":null}],"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0,"cost":0,"deep":{"x":1e2,"big":9007199254740993}},"service_tier":null}`
    expect(await ask(play(JSON_TYPE, odd))).toMatchObject({ status: 200, text: odd })
  })

  test('cut at every byte', async () => {
    const pieces = [...Buffer.from(whole)].map((byte) => Uint8Array.of(byte))
    expect(await ask(play(JSON_TYPE, ...pieces))).toMatchObject({ status: 200, text: whole })
  })

  test.each([
    [
      'in a chunk with an extension, before a trailer',
      ['transfer-encoding: chunked', '', `${LENGTH.toString(16)};name=value`, whole, '0', 'x-trailer: 1', '', ''],
    ],
    ['without a length, up to the end of the connection', ['connection: close', '', whole]],
    [
      'below headers that are empty, doubled and in capitals',
      ['X-EMPTY:', 'VARY: a', 'vary: b', `CONTENT-LENGTH:  ${LENGTH}`, '', whole],
    ],
    ['below headers that are not ASCII', ['openai-model: süß', `content-length: ${LENGTH}`, '', whole]],
    ['as HTTP/1.0', ['connection: close', `content-length: ${LENGTH}`, '', whole]],
  ])('%s', async (how, lines) => {
    const [first, ...rest] = head
    const begin = how.includes('1.0') ? [first!.replace('1.1', '1.0'), ...rest] : head
    expect(await ask(raw([...begin, ...lines]))).toMatchObject({ status: 200, text: whole })
  })

  test('behind provisional answers (1xx)', async () => {
    const early = ['HTTP/1.1 103 Early Hints', 'link: </x>; rel=preload', '', 'HTTP/1.1 102 Processing', '']
    const answer = await ask(
      raw(
        [...early, '', ...head, `content-length: ${LENGTH}`, '', whole].filter(
          (line, at, all) => !(line === '' && all[at - 1] === ''),
        ),
      ),
    )
    expect(answer).toMatchObject({ status: 200, text: whole })
    expect(answer.headers.get('link')).toBeNull()
  })

  test('of which the provider sends another one on the same connection: nobody sees that', async () => {
    const second = JSON.stringify(completion('for nobody'))
    const answers = [whole, second].flatMap((text) => [...head, `content-length: ${Buffer.byteLength(text)}`, '', text])
    const joined = `${answers.slice(0, 5).join('\r\n')}${answers.slice(5).join('\r\n')}`
    expect(await ask(raw([joined], 'open'))).toMatchObject({ status: 200, text: whole })
    for (const turn of [1, 2, 3]) expect((await ask(play(JSON_TYPE, `{"turn":${turn}}`))).text).toBe(`{"turn":${turn}}`)
  })
})

describe('what is no answer is 502 [L-042]', () => {
  test.each<[string, OnCall]>([
    ['a page', play('text/html', '<h1>hello</h1>')],
    ['a page that calls itself JSON', play(JSON_TYPE, '<h1>hello</h1>')],
    ['nothing', play(JSON_TYPE)],
    ['only blanks', play(JSON_TYPE, ' \r\n\t ')],
    ['a list', play(JSON_TYPE, '[1]')],
    ['half an object', play(JSON_TYPE, whole.slice(0, -20))],
    ['events', play('text/event-stream', 'data: {"choices":[]}\n\ndata: [DONE]\n\n')],
    ['events that call themselves JSON', play(JSON_TYPE, 'data: {"choices":[]}\n\ndata: [DONE]\n\n')],
    ['no content type', raw(['HTTP/1.1 200 OK', `content-length: ${LENGTH}`, '', whole])],
    ['204', raw(['HTTP/1.1 204 No Content', '', ''])],
    ['206 of nothing', raw(['HTTP/1.1 206 Partial Content', 'content-length: 0', '', ''])],
    ['300 with a body', raw(['HTTP/1.1 300 Choices', 'content-length: 2', '', '{}'])],
    ['304', raw(['HTTP/1.1 304 Not Modified', '', ''])],
    ['418', raw(["HTTP/1.1 418 I'm a teapot", 'content-length: 0', '', ''])],
    ['999', raw(['HTTP/1.1 999 Denied', 'content-length: 0', '', ''])],
    ['100 and no more', raw(['HTTP/1.1 100 Continue', '', ''])],
    ['101', raw(['HTTP/1.1 101 Switching Protocols', 'upgrade: websocket', 'connection: upgrade', '', ''])],
    ['no HTTP', raw(['SSH-2.0-OpenSSH_9.7', ''])],
    ['half a head', raw(['HTTP/1.1 200 OK', 'content-ty'])],
    ['a head without end', raw(['HTTP/1.1 200 OK', `x-long: ${'x'.repeat(100_000)}`, '', ''])],
    ['two lengths', raw([...head, 'content-length: 2', 'content-length: 3', '', '{}'])],
    [
      'a length and chunks',
      raw([...head, 'content-length: 2', 'transfer-encoding: chunked', '', '2', '{}', '0', '', '']),
    ],
    ['a length below zero', raw([...head, 'content-length: -2', '', '{}'])],
    ['less than its length', raw([...head, `content-length: ${LENGTH + 1}`, '', whole])],
    ['a chunk of no size', raw([...head, 'transfer-encoding: chunked', '', 'zz', '{}', '0', '', ''])],
    ['chunks without an end', raw([...head, 'transfer-encoding: chunked', '', '2', '{}', ''])],
    [
      'half an object that ends where the connection ends',
      raw([...head, 'connection: close', '', '{"id":"1","choices":[{"index":0,"message":{"role":"assistant"}']),
    ],
    ['a reset', breakAfter(JSON_TYPE, whole.slice(0, 9))],
  ])('%s', async (_what, onCall) => {
    const answer = await ask(onCall)
    expect([answer.status, errorOf(answer).type]).toEqual([502, 'upstream_error'])
  })

  test('a redirect is not followed, and its address stays here', async () => {
    const answer = await ask(
      raw(['HTTP/1.1 307 Go', 'location: http://inside.example/?key=1', 'content-length: 0', '', '']),
    )
    expect([answer.status, many.provider.calls.length]).toEqual([502, 1])
    expect(JSON.stringify([...answer.headers]) + answer.text).not.toContain('inside.example')
  })

  test.each([false, true])('an encoding that nobody asked for (stream: %s)', async (stream) => {
    const type = stream ? 'text/event-stream' : JSON_TYPE
    const packed = gzipSync(stream ? 'data: [DONE]\n\n' : whole)
    const answer = await ask(
      (response) => response.writeHead(200, { 'content-type': type, 'content-encoding': 'gzip' }).end(packed),
      { stream },
    )
    expect([answer.status, errorOf(answer).message]).toEqual([502, expect.stringContaining('gzip')])
    expect(many.provider.calls[0]!.headers['accept-encoding']).toBe('identity')
  })

  test('JSON where a stream was asked for', async () => {
    const answer = await ask(play(JSON_TYPE, whole), { stream: true })
    expect([answer.status, errorOf(answer).message]).toEqual([502, expect.stringContaining(JSON_TYPE)])
  })

  test('more than anybody can want', async () => {
    const piece = Buffer.alloc(1_048_576, ' ')
    const answer = await ask(async (response, { left }) => {
      response.writeHead(200, { 'content-type': JSON_TYPE })
      const over = left.then(() => true)
      for (let isOver = false; !isOver; )
        isOver = response.write(piece) ? response.destroyed : await Promise.race([over, drained(response)])
    })
    expect([answer.status, errorOf(answer).message]).toEqual([502, expect.stringContaining('too long')])
  })
})

const drained = (response: NodeJS.EventEmitter) =>
  new Promise<boolean>((done) => response.once('drain', () => done(false)))
