import { connect } from 'node:net'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { chunk } from './fake-provider.ts'
import { events, type OnCall } from './fixtures/any-provider.ts'
import { HI, lateError, type ManyModels, startManyModels } from './fixtures/many-models.ts'

/** Providers that send much, and clients that read little. */
let many: ManyModels
beforeAll(async () => {
  many = await startManyModels()
})
beforeEach(() => {
  many.provider.calls.length = 0
})
afterAll(() => many.close())

const EVENTS = 'text/event-stream'
const MB = 1_048_576

/** Sends events as fast as they are taken, up to `most` bytes. */
function flood(most: number) {
  const event = chunk('x'.repeat(60_000))
  const sent = { bytes: 0, isOver: false, isHeldBack: false }
  const onCall: OnCall = async (response, { left }) => {
    response.writeHead(200, { 'content-type': EVENTS })
    const over = left.then(() => 'over')
    while (sent.bytes < most && !response.destroyed) {
      sent.bytes += event.length
      if (response.write(event)) continue
      sent.isHeldBack = true
      await Promise.race([over, new Promise((done) => response.once('drain', done))])
      sent.isHeldBack = false
    }
    sent.isOver = true
    response.end(`${chunk('', 'stop')}data: [DONE]\n\n`)
  }
  return { sent, onCall }
}

/** A client that sends a request and reads only when told to. */
async function slowClient(model: string) {
  const { hostname, port } = new URL(many.service.url)
  const body = JSON.stringify({ model, messages: HI, stream: true })
  const socket = connect(Number(port), hostname).pause()
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: ${many.ann.authorization}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  )
  return socket
}

/** The provider could send no more for a while. */
async function settled(sent: { bytes: number; isHeldBack: boolean }): Promise<number> {
  let [before, times] = [-1, 0]
  await until(() => {
    times = sent.isHeldBack && sent.bytes === before ? times + 1 : 0
    before = sent.bytes
    return times > 10
  })
  return sent.bytes
}

test('a client that does not read holds the provider back, and then gets all of it [L-042 L-031]', async () => {
  const { sent, onCall } = flood(100 * MB)
  many.provider.onCall = onCall
  const socket = await slowClient(many.fresh())
  // What the kernels of both connections take, and a little more.
  expect(await settled(sent)).toBeLessThan(30 * MB)
  let received = 0
  let tail = ''
  socket.on('data', (bytes) => {
    received += bytes.length
    tail = (tail + bytes.subarray(-200).toString('latin1')).slice(-200)
  })
  await new Promise((done) => socket.resume().once('close', done))
  expect([sent.isOver, received > sent.bytes, tail.includes('data: [DONE]\n\n')]).toEqual([true, true, true])
})

test('memory does not grow with clients that do not read [L-042]', async () => {
  const floods = Array.from({ length: 8 }, () => flood(200 * MB))
  const before = process.memoryUsage().external
  many.provider.onCall = (response, call) => floods[many.provider.calls.length - 1]!.onCall(response, call)
  const sockets = []
  for (const { sent } of floods) {
    sockets.push(await slowClient(many.fresh()))
    await settled(sent)
  }
  expect(process.memoryUsage().external - before).toBeLessThan(64 * MB)
  for (const socket of sockets) socket.destroy()
  await Promise.all(many.provider.calls.map(({ left }) => left))
})

test('who does not read and leaves stops the provider [L-032]', async () => {
  const { sent, onCall } = flood(1000 * MB)
  many.provider.onCall = onCall
  const socket = await slowClient(many.fresh())
  await settled(sent)
  socket.destroy()
  await many.provider.calls[0]!.left
})

test('a break that a slow reader has not seen yet comes behind all that came before [L-031]', async () => {
  const text = Array.from({ length: 400 }, (_, at) => chunk(`${at} ${'x'.repeat(4_000)}`)).join('')
  many.provider.onCall = (response) => {
    response.writeHead(200, { 'content-type': EVENTS })
    response.end(text)
  }
  const answer = await many.chat(many.fresh(), { stream: true })
  const reader = answer.body!.getReader()
  let seen = Buffer.alloc(0)
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    seen = Buffer.concat([seen, next.value])
    await new Promise((done) => setImmediate(done))
  }
  expect(seen.subarray(0, text.length).toString() === text).toBe(true)
  lateError(seen.toString())
})

test.each([
  ['in large pieces', 65_536],
  ['in small pieces', 512],
])('a line of 10 MB arrives whole, %s [L-042]', async (_how, size) => {
  const text = `${chunk('ü'.repeat(5 * MB), 'stop')}data: [DONE]\n\n`
  const bytes = Buffer.from(text)
  many.provider.onCall = async (response) => {
    response.writeHead(200, { 'content-type': EVENTS })
    for (let at = 0; at < bytes.length; at += size)
      if (!response.write(bytes.subarray(at, at + size))) await new Promise((done) => response.once('drain', done))
    response.end()
  }
  const answer = await many.chat(many.fresh(), { stream: true })
  expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true)
})

test('a line that never ends is cut off [L-042]', async () => {
  const piece = Buffer.alloc(MB, 'x')
  many.provider.onCall = async (response, { left }) => {
    response.writeHead(200, { 'content-type': EVENTS }).write(`${chunk('a')}data: `)
    const over = left.then(() => undefined)
    while (!response.destroyed)
      if (!response.write(piece)) await Promise.race([over, new Promise((done) => response.once('drain', done))])
  }
  const answer = await many.chat(many.fresh(), { stream: true })
  const text = await answer.text()
  expect([text.startsWith(chunk('a')), lateError(text).error.message]).toEqual([
    true,
    expect.stringContaining('too long'),
  ])
  await many.provider.calls[0]!.left
})

test('very many small events in one packet are all there [L-031]', async () => {
  const text = `${Array.from({ length: 20_000 }, (_, at) => chunk(String(at))).join('')}${chunk('', 'stop')}data: [DONE]\n\n`
  many.provider.onCall = events(text)
  expect((await (await many.chat(many.fresh(), { stream: true })).text()) === text).toBe(true)
})
