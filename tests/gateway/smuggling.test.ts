import { sendRaw } from '@jan/embedded/gateway/client.fixture'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Subject, startSubject } from './harness/subject.ts'

let gateway: Subject
beforeAll(async () => {
  gateway = await startSubject()
})
afterAll(async () => gateway[Symbol.asyncDispose]())

const INNER = 'GET /v1/smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
const post = (lines: string, body = '') => `POST /v1/x HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n${body}${INNER}`

describe('what two readers could read differently is refused, and what follows is not read [I-062 I-072]', () => {
  test.each([
    ['two lengths', post('Content-Length: 1\r\nContent-Length: 2', 'x')],
    ['a length and chunks', post('Content-Length: 5\r\nTransfer-Encoding: chunked', '0\r\n\r\n')],
    ['chunks and a length', post('Transfer-Encoding: chunked\r\nContent-Length: 5', '0\r\n\r\n')],
    ['a negative length', post('Content-Length: -1')],
    ['a bad chunk', post('Transfer-Encoding: chunked', 'zz\r\n\r\n')],
    ['two hosts', `GET /v1/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n${INNER}`],
    ['no host', `GET /v1/x HTTP/1.1\r\n\r\n${INNER}`],
    ['a space in a header name', `GET /v1/x HTTP/1.1\r\nHost: a\r\nX y: z\r\n\r\n${INNER}`],
    ['a space behind the name of the length', post(`Content-Length : ${INNER.length}`)],
    ['a folded header', `GET /v1/x HTTP/1.1\r\nHost: a\r\nX-Long: a\r\n b\r\n\r\n${INNER}`],
    ['a lower-case method', `get /v1/x HTTP/1.1\r\nHost: a\r\n\r\n${INNER}`],
    ['a space in the target', `GET /v1/a b HTTP/1.1\r\nHost: a\r\n\r\n${INNER}`],
    ['no request at all', `hello\r\n\r\n${INNER}`],
  ])('%s', async (_name, bytes) => {
    const { recorded } = gateway.services
    const before = recorded.length
    const answer = await sendRaw(gateway, bytes) // until the gateway closes
    expect(answer).toMatch(/^HTTP\/1.1 400 /)
    expect(answer.match(/^HTTP\//gm)).toHaveLength(1)
    expect(recorded.slice(before)).toEqual([])
  })

  test.each(['xchunked', 'chunked, identity', 'gzip'])('a transfer encoding %s', async (encoding) => {
    const { recorded } = gateway.services
    const before = recorded.length
    await sendRaw(gateway, post(`Transfer-Encoding: ${encoding}`, '0\r\n\r\n'))
    expect(recorded.slice(before)).toEqual([])
  })

  test('a request behind another is a request of its own', async () => {
    const { recorded } = gateway.services
    const before = recorded.length
    const second = 'GET /v1/second HTTP/1.1\r\nHost: a\r\nX-User-ID: admin\r\nConnection: close\r\n\r\n'
    await sendRaw(gateway, `POST /v1/first HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi${second}`)
    expect(recorded.slice(before).map(({ url, body }) => [url, body])).toEqual([
      ['/v1/first', 'hi'],
      ['/v1/second', ''],
    ])
    expect(recorded.at(-1)?.headers).not.toHaveProperty('x-user-id')
  })
})
