import { type Served, serve } from '@jan/testkit/serve'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { png, pngOf } from './images.ts'
import { type MediaService, SERVICE_KEY, startMediaService } from './media-service.ts'

let site: Served
let closed: Served
let service: MediaService
let ann: Record<string, string>

beforeAll(async () => {
  site = await serve((request, response) => {
    switch (request.url) {
      case '/cat.png':
        return response.writeHead(200, { 'content-type': 'text/html' }).end(png(1))
      case '/large':
        return response.writeHead(200).end(pngOf(5000))
      case '/empty':
        return response.writeHead(200).end()
      case '/drawing':
        return response.writeHead(200, { 'content-type': 'image/png' }).end('<svg xmlns="http://www.w3.org/2000/svg"/>')
      case '/inside':
        return response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' }).end()
      case '/circle':
        return response.writeHead(302, { location: '/circle' }).end()
      case '/silent':
        return undefined
      default:
        return response.writeHead(404).end('nothing here')
    }
  })
  closed = await serve(() => undefined)
  await closed.close()
  service = await startMediaService({
    env: {
      OUTBOUND_ALLOW: `127.0.0.1:${site.port},127.0.0.1:${closed.port}`,
      MEDIA_MAX_BYTES: '4096',
      MEDIA_REMOTE_FETCH_TIMEOUT: '2s',
    },
  })
  ann = await service.as('ann')
})
afterAll(async () => {
  await service.close()
  await site.close()
})

const ingest = (url: string, type = 'remote_url') =>
  service.call('/v1/media', { json: { source: { type, url } }, headers: ann })

test('a picture from an address that the operator allows is stored by its bytes [H-84 P-056]', async () => {
  for (const type of ['remote_url', 'RemoteURI', 'remote']) {
    const { status, body } = await ingest(`${site.url}/cat.png`, type)
    expect(status).toBe(200)
    expect(body).toMatchObject({ mime: 'image/png', bytes: png(1).length })
  }
})

test("the operator's key fetches for the user it names", async () => {
  const { status, body } = await service.call('/v1/media', {
    json: { source: { type: 'remote_url', url: `${site.url}/cat.png` }, user_id: 'user123' },
    headers: { 'x-media-service-key': SERVICE_KEY },
  })
  expect([status, body.deduped]).toEqual([200, false])
})

test('addresses inside are refused with one clear text that names none of them [H-58 H-55 M-016]', async () => {
  const inside = ['http://127.0.0.1/x', 'http://10.0.0.1/x', 'http://[::1]/x', 'http://169.254.169.254/x']
  for (const url of [...inside, `${site.url}/inside`]) {
    const { status, body } = await ingest(url)
    expect(status).toBe(400)
    expect(body.code).toBe('invalid_request')
    expect(body.error).toMatch(/not on the public internet|not fetched/)
    expect(JSON.stringify(body)).not.toMatch(/127\.0|169\.254|10\.0/)
  }
})

test('what is no web address is a bad request', async () => {
  for (const url of ['ftp://example.com/a.png', 'file:///etc/passwd', 'cat.png', 'http://me:secret@example.com/'])
    expect((await ingest(url)).status).toBe(400)
})

test("each failure of the other side has its own status, and none is the caller's fault [M-021]", async () => {
  const outcomes: [string, number, string][] = [
    [`${site.url}/gone`, 502, 'upstream_failed'],
    [`${site.url}/empty`, 502, 'upstream_failed'],
    [`${site.url}/circle`, 502, 'upstream_failed'],
    [`${closed.url}/cat.png`, 502, 'upstream_failed'],
    [`${site.url}/silent`, 504, 'upstream_timeout'],
    [`${site.url}/large`, 413, 'payload_too_large'],
    [`${site.url}/drawing`, 415, 'unsupported_media_type'],
  ]
  for (const [url, status, code] of outcomes) {
    const reply = await ingest(url)
    expect([url, reply.status, reply.body.code]).toEqual([url, status, code])
    expect(JSON.stringify(reply.body)).not.toContain('127.0.0.1')
  }
})
