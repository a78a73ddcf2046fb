import { connect } from 'node:net'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type MediaService, startMediaService } from './media-service.ts'

let service: MediaService
let ann: Record<string, string>

beforeAll(async () => {
  service = await startMediaService()
  ann = await service.as('ann')
})
afterAll(() => service.close())

const part = (name: string, content: string, filename?: string) =>
  `--x\r\nContent-Disposition: form-data; name="${name}"${filename ? `; filename="${filename}"` : ''}\r\n\r\n${content}\r\n`
const END = '--x--\r\n'
const FORM = { 'content-type': 'multipart/form-data; boundary=x' }

/** So small that all of a form is here before anybody reads its file. */
const file = part('file', 'hello', 'a.txt')

describe.each(['/v1/media', '/v1/files'])('a small form to %s [M-011]', (path) => {
  test.each([
    ['with a second file', file + part('file', 'world', 'b.txt') + END],
    ['with a file of another name behind the file', file + part('picture', 'world', 'b.txt') + END],
    ['with a field that is too long', file + part('purpose', 'x'.repeat(70_000)) + END],
    ['with too many fields', file + part('purpose', 'batch').repeat(40) + END],
    ['without an end', file + part('purpose', 'batch')],
    ['that ends within its file', file.slice(0, -4)],
  ])('%s is refused, and the service stands', async (_what, body) => {
    const answer = await fetch(service.url + path, { method: 'POST', body, headers: { ...ann, ...FORM } })
    expect([answer.status, await answer.json()]).toMatchObject([400, { message: expect.stringMatching(/form|field/) }])
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200)
    await until(async () => (await service.files()).length === 0)
  })

  test('whose sender leaves within the file is forgotten, and the service stands', async () => {
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1')
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${ann.authorization}\r\nContent-Type: ${FORM['content-type']}\r\nContent-Length: 900000\r\n\r\n${file.slice(0, -4)}`,
    )
    await new Promise<void>((sent) => void socket.end(() => sent()))
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200)
    await until(async () => (await service.files()).length === 0)
  })
})
