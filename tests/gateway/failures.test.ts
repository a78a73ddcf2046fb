import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { Worker } from 'node:worker_threads'
import { answerTo, begin, send } from '@jan/embedded/gateway/client.fixture'
import { describe, expect, test } from '@jest/globals'
import { startSubject, timeouts } from './harness/subject.ts'

const ORIGIN = 'http://localhost:3000'
const POST = { method: 'POST', body: 'x' }
const BAD = [502, 'An invalid response was received from the upstream server']
const LATE = [504, 'The upstream server is timing out']
const message = ({ status, body }: { status: number; body: string }) => [status, JSON.parse(body).message]

test('an unknown path is 404 with an id, CORS and security headers [I-062]', async () => {
  await using gateway = await startSubject()
  const answer = await send(gateway, { path: '/nowhere', headers: { 'x-request-id': 'mine', origin: ORIGIN } })
  expect(answer.status).toBe(404)
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
  expect(JSON.parse(answer.body)).toEqual({
    message: 'no Route matched with those values',
    request_id: expect.stringMatching(/^[0-9a-f]{32}$/),
  })
  expect(answer.headers).toMatchObject({
    'x-request-id': 'mine',
    'access-control-allow-origin': ORIGIN,
    'x-content-type-options': 'nosniff',
  })
})

describe('a service that fails [H-77 I-062 I-068]', () => {
  test('refused is 502, and the client still sees CORS and its id', async () => {
    await using gateway = await startSubject()
    await gateway.services.stop()
    const answer = await send(gateway, { ...POST, headers: { origin: ORIGIN, 'x-request-id': 'mine' } })
    expect(message(answer)).toEqual(BAD)
    expect(answer.headers).toMatchObject({ 'access-control-allow-origin': ORIGIN, 'x-request-id': 'mine' })
  })

  test('a POST that was read and closed upon is 502 after one attempt', async () => {
    await using gateway = await startSubject()
    gateway.services.answer((req) => req.resume().once('end', () => req.socket.destroy()))
    expect(message(await send(gateway, POST))).toEqual(BAD)
    expect(gateway.services.recorded).toHaveLength(1)
  })

  test('a POST on a kept connection that the service closes is 502 and is not repeated', async () => {
    await using gateway = await startSubject()
    await send(gateway)
    gateway.services.answer((req) => req.socket.destroy())
    expect(message(await send(gateway, POST))).toEqual(BAD)
    expect(gateway.services.recorded.map(({ method }) => method)).toEqual(['GET', 'POST'])
  })

  test('silence before the head is 504, after one attempt whatever the method', async () => {
    await using gateway = await startSubject(timeouts({ read_timeout: 50 }))
    gateway.services.answer(() => {})
    for (const request of [{ method: 'GET' }, POST, { method: 'PUT', body: 'x' }, { method: 'DELETE' }])
      expect(message(await send(gateway, request))).toEqual(LATE)
    expect(gateway.services.recorded.map(({ method }) => method)).toEqual(['GET', 'POST', 'PUT', 'DELETE'])
  })

  test.each([
    ['chunked', {}],
    ['with a length', { 'content-length': 100 }],
  ])('one that dies inside a body %s cuts the client too', async (_name, headers) => {
    await using gateway = await startSubject()
    const called = gateway.services.nextCall()
    const outgoing = begin(gateway, 'POST', { 'content-length': 0 })
    const { res } = await called
    res.writeHead(200, headers).write('half')
    const answer = await answerTo(outgoing)
    await once(answer, 'data')
    res.destroy()
    await expect(text(answer)).rejects.toThrow('aborted')
    expect(gateway.services.recorded).toHaveLength(1)
  })

  test('a connection that is not accepted in time is 504', async () => {
    // The listener never runs again, so its short queue fills up and the kernel ignores further attempts.
    const listener = new Worker(
      `const { parentPort } = require('node:worker_threads')
       const server = require('node:net').createServer().listen({ port: 0, backlog: 1 }, () => {
         parentPort.postMessage(server.address().port)
         setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0))
       })`,
      { eval: true },
    )
    const [port] = await once(listener, 'message')
    const queue = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => {}))
    await once(queue[1] as Socket, 'connect')
    await using gateway = await startSubject(timeouts({ connect_timeout: 50 }), { 'llm-api': port })
    expect(message(await send(gateway))).toEqual(LATE)
    for (const socket of queue) socket.destroy()
    await listener.terminate()
  })

  test('a host without an address is 503', async () => {
    await using gateway = await startSubject((file) => {
      file.services[0]!.host = 'nobody-has-this-name'
    })
    expect(message(await send(gateway))).toEqual([503, 'name resolution failed'])
  })
})
