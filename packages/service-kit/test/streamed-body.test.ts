import type { IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { freePort } from '@jan/testkit/free-port'
import { type Served, serve } from '@jan/testkit/serve'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { z } from 'zod'
import { AppError } from '../src/errors.ts'
import { createHttpApp } from '../src/http-app.ts'
import { readBody } from '../src/json-body.ts'
import { silentLogger as log } from '../src/logger.ts'
import { createMetrics } from '../src/metrics.ts'
import { route, streamedBody } from '../src/route.ts'
import { streamOfRequest } from '../src/streamed-body.ts'

let app: Served
/** How many bytes the handler has seen so far. */
let seen = 0
let failure: unknown

beforeAll(async () => {
  const routes = [
    route({
      operation: 'upload_thing',
      method: 'post',
      path: '/v1/things',
      summary: '',
      auth: 'none',
      body: streamedBody(['multipart/form-data', 'text/csv', 'text/refused'], z.object({ name: z.string() })),
      answers: { 200: z.looseObject({}) },
      handler: async ({ body }) => {
        if ('json' in body) return { name: body.json.name }
        if (body.type === 'text/refused') throw new AppError('unsupported_media_type', 'No such thing here')
        seen = 0
        try {
          for await (const chunk of body.stream) seen += chunk.length
        } catch (error) {
          failure = error
          throw error
        }
        return { seen, type: body.type, length: body.length ?? null }
      },
    }),
  ]
  const metrics = createMetrics('things-api')
  const options = { service: 'things-api', version: '1', log, metrics, routes, dependencies: [], bodyLimit: 1_000 }
  app = await serve(createHttpApp({ ...options, authenticate: async () => undefined }).handler, await freePort())
})
afterAll(() => app.close())

const post = async (body: string, type?: string) => {
  const answer = await fetch(`${app.url}/v1/things`, {
    method: 'POST',
    body,
    headers: type === undefined ? {} : { 'content-type': type },
  })
  return { status: answer.status, body: await answer.json(), connection: answer.headers.get('connection') }
}

/** The beginning of an upload, by hand. */
function beginUpload(type: string, length: number): Socket {
  const socket = connect(app.port, '127.0.0.1')
  socket.write(`POST /v1/things HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n12345`)
  return socket
}

test('JSON is parsed and limited as ever, everything else is handed on as it comes, of any length', async () => {
  expect(await post('{"name":"a"}', 'application/json')).toMatchObject({ status: 200, body: { name: 'a' } })
  expect(await post('{"name":1}', 'application/json; charset=utf-8')).toMatchObject({ status: 400 })
  // As curl sends it, unless it is told otherwise.
  expect(await post('{"name":"b"}', 'application/x-www-form-urlencoded')).toMatchObject({ body: { name: 'b' } })
  expect(await post(`{"name":"${'a'.repeat(1_000)}"}`, 'application/json')).toMatchObject({ status: 413 })
  const large = 'x'.repeat(100_000)
  expect(await post(large, 'text/csv')).toMatchObject({
    status: 200,
    body: { seen: 100_000, type: 'text/csv', length: 100_000 },
  })
})

test('bytes reach the handler as they are sent; a client that leaves ends its work', async () => {
  const socket = beginUpload('text/csv', 100)
  await until(() => seen === 5)
  failure = undefined
  socket.destroy()
  await until(() => failure)
  expect(failure).toMatchObject({ code: 'client_closed_request' })
})

test('a refusal does not wait for the rest of the body', async () => {
  const socket = beginUpload('text/refused', 1_000_000)
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk
  })
  await until(() => answer.includes('No such thing here'))
  expect(answer).toMatch(/^HTTP\/1.1 415 /)
  // What is still sent is read, so that the answer is not lost with the connection.
  for (let sent = 5; sent < 1_000_000; sent += 99_999) socket.write('x'.repeat(Math.min(99_999, 1_000_000 - sent)))
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
  await until(() => answer.includes('"status":"ok"'))
  socket.destroy()
})

test.each<[string, (request: IncomingMessage) => Promise<unknown>]>([
  ['as it comes', (request) => streamOfRequest(request, 50).stream[Symbol.asyncIterator]().next()],
  ['as a whole', (request) => readBody(request, 1_000, 50)],
])('a body that stands still is given up, read %s', async (_how, read) => {
  let problem: unknown
  await using site = await serve(async (request, response) => {
    try {
      for (;;) await read(request)
    } catch (error) {
      problem = error
    }
    response.end()
  })
  for (const begun of ['', '12345']) {
    problem = undefined
    const socket = connect(site.port, '127.0.0.1')
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n${begun}`)
    await until(() => problem)
    expect(problem).toMatchObject({ code: 'invalid_request', status: 408 })
    socket.destroy()
  }
})

test('a body that keeps coming is waited for, however slowly', async () => {
  await using site = await serve(async (request, response) => response.end(await readBody(request, 100, 200)))
  const socket = connect(site.port, '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 20\r\n\r\n')
  let sent = 0
  const trickle = setInterval(() => {
    if (sent < 20) socket.write('x')
    sent += 1
  }, 25)
  expect(Buffer.concat(await socket.toArray()).toString()).toMatch(/^HTTP\/1.1 200 .*x{20}$/s)
  clearInterval(trickle)
})

test('a body that came with its head is not watched', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  let armed: number | undefined
  await using site = await serve(async (request, response) => {
    const before = timers()
    const reading = readBody(request, 100)
    await Promise.resolve()
    armed = timers() - before
    response.end(await reading)
  })
  const socket = connect(site.port, '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi')
  await until(() => armed !== undefined)
  expect(armed).toBe(0)
  socket.destroy()
})
