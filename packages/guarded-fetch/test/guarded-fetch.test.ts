import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createGuardedFetch, type GuardedFetch, type GuardedFetchOptions } from '../src/guarded-fetch.ts'
import { GuardedFetchError } from '../src/guarded-fetch-error.ts'
import { isPublicAddress } from '../src/public-address.ts'
import { fakeLookup, type Site, startSite } from './local-site.ts'

const names = {
  'public.test': [['127.0.0.1']],
  'other.test': [['127.0.0.1']],
  'evil.test': [['127.0.0.1']],
  'multi.test': [['93.184.216.34', '127.0.0.1']],
  'metadata.test': [['169.254.169.254']],
  'nat64.test': [['64:ff9b::7f00:1']],
  'nothing.test': [[]],
}

let site: Site
let secret: Site
const opened: GuardedFetch[] = []

const guard = (options: Partial<GuardedFetchOptions> = {}): GuardedFetch => {
  const guarded = createGuardedFetch({
    allow: [`public.test:${site.port}`, `other.test:${site.port}`],
    timeoutMs: 5_000,
    maxBytes: 1 << 20,
    maxRedirects: 3,
    userAgent: 'guarded-fetch-test',
    lookup: fakeLookup(names),
    ...options,
  })
  opened.push(guarded)
  return guarded
}

const failure = async (call: Promise<unknown>): Promise<GuardedFetchError> => {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof GuardedFetchError)) throw new Error(`expected a GuardedFetchError, got ${String(error)}`)
  return error
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://site')
  const to = url.searchParams.get('to')
  if (url.pathname === '/redirect')
    return void response.writeHead(Number(url.searchParams.get('status') ?? 302), { location: to ?? '/loop' }).end()
  if (url.pathname === '/loop') return void response.writeHead(302, { location: '/loop' }).end()
  if (url.pathname === '/bomb')
    return void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(50 << 20)))
  if (url.pathname === '/gzip')
    return void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('unpacked'))
  if (url.pathname === '/slow') return void response.write('x')
  if (url.pathname === '/silent') return
  if (url.pathname === '/big') return void response.end(Buffer.alloc(2 << 20))
  if (url.pathname === '/echo') {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () =>
      response.end(
        JSON.stringify({ method: request.method, headers: request.headers, body: Buffer.concat(chunks).toString() }),
      ),
    )
    return
  }
  response.writeHead(url.pathname === '/missing' ? 404 : 200, { 'content-type': 'text/plain' }).end('public page')
}

beforeAll(async () => {
  site = await startSite(answer)
  secret = await startSite((_request, response) => void response.end('SECRET'))
})

afterAll(async () => {
  for (const guarded of opened) await guarded.close()
  await site.close()
  await secret.close()
  expect(secret.requests).toEqual([])
})

const at = (path: string) => `http://public.test:${site.port}${path}`
const text = async (url: string, init?: Parameters<GuardedFetch['fetch']>[1]) =>
  (await (await guard().fetch(url, init)).bytes()).toString()

describe('what may be reached', () => {
  test('a page of an allowed host is fetched with its status and final URL', async () => {
    const response = await guard().fetch(at('/missing'))
    expect(response.status).toBe(404)
    expect(response.url).toBe(at('/missing'))
    expect(response.headers.get('content-type')).toBe('text/plain')
    expect((await response.bytes()).toString()).toBe('public page')
    expect(site.requests.at(-1)?.headers['user-agent']).toBe('guarded-fetch-test')
  })

  test('a compressed body arrives unpacked, without the headers of its packing', async () => {
    const response = await guard().fetch(at('/gzip'))
    expect(response.headers.get('content-encoding')).toBeNull()
    expect(response.headers.get('content-length')).toBeNull()
    expect((await response.bytes()).toString()).toBe('unpacked')
  })

  test('method, headers and body are sent; Host stays the URL’s own', async () => {
    const headers = { authorization: 'Bearer x', host: 'internal.test' }
    const echo = JSON.parse(await text(at('/echo'), { method: 'post', headers, body: 'hello' }))
    expect(echo).toMatchObject({ method: 'POST', body: 'hello', headers: { authorization: 'Bearer x' } })
    expect(echo.headers.host).toBe(`public.test:${site.port}`)
  })
})

describe('addresses that are not public [H-58]', () => {
  const literals = [
    '127.0.0.1',
    'localhost',
    '2130706433',
    '0x7f.1',
    '0177.0.0.1',
    '127.1',
    '127。0。0。1',
    '①②⑦.⓪.⓪.①',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::]',
    '[fe80::1]',
    '[fd00::1]',
    '0.0.0.0',
    '10.0.0.1',
    '169.254.169.254',
    '100.64.0.1',
  ]
  const resolving = ['evil.test', 'multi.test', 'metadata.test', 'nat64.test']
  const lookup = fakeLookup({ ...names, localhost: [['127.0.0.1']] })

  test.each([...literals, ...resolving])('http://%s is refused on the web’s port and on a known one', async (host) => {
    const guarded = guard({ lookup, allow: [`public.test:${secret.port}`] })
    for (const url of [`http://${host}/`, `https://${host}/`, `http://${host}:${secret.port}/`]) {
      const error = await failure(guarded.fetch(url))
      expect(error.code).toBe('blocked')
      expect(error.message).not.toMatch(/127|::|10\.|169|64:/)
    }
  })

  test('a name that was public when somebody checked it is judged again when it is dialled [H-59]', async () => {
    const rebinding = fakeLookup({ 'rebind.test': [['93.184.216.34'], ['127.0.0.1']] })
    const checked = await new Promise((resolve) => rebinding('rebind.test', {}, (_error, address) => resolve(address)))
    expect(isPublicAddress(String(checked))).toBe(true)
    expect((await failure(guard({ lookup: rebinding }).fetch('http://rebind.test/'))).code).toBe('blocked')
  })

  test('a name without an address and a name nobody knows are unreachable', async () => {
    expect((await failure(guard().fetch('http://nothing.test/'))).code).toBe('unreachable')
    expect((await failure(guard().fetch('http://unknown.test/'))).code).toBe('unreachable')
  })
})

describe('URLs', () => {
  test.each([
    '/relative',
    'not a url',
    'ftp://public.test/',
    'file:///etc/passwd',
    'data:text/plain,x',
    'javascript:1',
  ])('%s is not fetched', async (url) => expect((await failure(guard().fetch(url))).code).toBe('invalid_url'))

  test('a URL with a user name or password is not fetched', async () => {
    for (const userinfo of ['a:b@', 'a@', ':b@'])
      expect((await failure(guard().fetch(at('/').replace('//', `//${userinfo}`)))).code).toBe('invalid_url')
  })

  test.each([22, 25, 6379, 8080, 8443])('port %i of a public host is refused', async (port) => {
    const error = await failure(guard().fetch(`http://93.184.216.34:${port}/`))
    expect(error).toMatchObject({
      code: 'blocked',
      message: expect.stringMatching(/^Only ports 80 and 443 .*OUTBOUND_ALLOW/),
    })
  })
})

describe('the operator’s list [P-056]', () => {
  test('an entry opens its host on its port and nothing else', async () => {
    const guarded = guard({ allow: [`127.0.0.1:${site.port}`] })
    const response = await guarded.fetch(`http://127.0.0.1:${site.port}/`)
    expect((await response.bytes()).toString()).toBe('public page')
    for (const url of [
      `http://127.0.0.1:${secret.port}/`,
      'http://127.0.0.1/',
      `http://127.0.0.2:${site.port}/`,
      `http://[::ffff:127.0.0.1]:${site.port}/`,
      `http://public.test:${site.port}/`,
      `http://127.0.0.1.evil.test:${site.port}/`,
    ])
      expect((await failure(guarded.fetch(url))).code).toBe('blocked')
  })

  test('a name opens no subdomain, no sibling and not its address', async () => {
    for (const host of ['sub.public.test', 'xpublic.test', 'public.test.', '127.0.0.1'])
      expect((await failure(guard().fetch(`http://${host}:${site.port}/`))).code).toBe('blocked')
  })

  test('names and IPv6 addresses are compared as URLs write them', async () => {
    const allow = [`PUBLIC.test:${site.port}`, `[0:0:0:0:0:0:0:1]:${site.port}`]
    await (await guard({ allow }).fetch(at('/'))).discard()
    // Nothing listens on ::1, which proves that it was dialled.
    expect((await failure(guard({ allow }).fetch(`http://[::1]:${site.port}/`))).code).toBe('unreachable')
  })

  test.each([
    'public.test',
    'public.test:',
    'public.test:0',
    'public.test:70000',
    'http://public.test:80',
    '*:80 x',
    ':80',
  ])('%p is not an entry', (entry) => expect(() => guard({ allow: [entry] })).toThrow(TypeError))
})

describe('redirects', () => {
  const redirectTo = (to: string, status = 302) => at(`/redirect?status=${status}&to=${encodeURIComponent(to)}`)

  test('are followed to the end, relative ones too, and the final URL is told', async () => {
    const response = await guard().fetch(redirectTo('/redirect?to=/end'))
    expect(response.url).toBe(at('/end'))
    expect(await response.bytes()).toHaveLength('public page'.length)
  })

  test.each([
    'http://127.0.0.1:{port}/r',
    'http://[::1]:{port}/r',
    'http://evil.test:{port}/r',
    'http://evil.test/r',
    'http://localhost:{port}/r',
    'http://169.254.169.254/latest/meta-data',
    'file:///etc/passwd',
    'http://user:password@public.test/',
    'http://',
  ])('into %s are refused without naming it [H-59]', async (to) => {
    const error = await failure(guard().fetch(redirectTo(to.replace('{port}', String(secret.port)))))
    expect(error.code).toBe('blocked')
    expect(error.message).not.toMatch(/127|::|169|passwd|evil|password/)
    expect(error.cause).toBeInstanceOf(Error)
  })

  test('a loop ends [H-60]', async () => {
    expect((await failure(guard().fetch(at('/loop')))).code).toBe('too_many_redirects')
  })

  test('method and body follow the Fetch standard', async () => {
    const sent = { method: 'POST', body: 'hello', headers: { 'content-type': 'text/plain' } }
    for (const status of [301, 302, 303]) {
      const echo = JSON.parse(await text(redirectTo('/echo', status), sent))
      expect(echo).toMatchObject({ method: 'GET', body: '' })
      expect(echo.headers).not.toHaveProperty('content-type')
    }
    for (const status of [307, 308])
      expect(JSON.parse(await text(redirectTo('/echo', status), sent))).toMatchObject({ method: 'POST', body: 'hello' })
  })

  test('credentials reach the same origin and no other', async () => {
    const headers = { authorization: 'Bearer x', cookie: 'a=b', 'x-service-key': 'k', accept: 'text/html' }
    const same = JSON.parse(await text(redirectTo('/echo'), { headers }))
    expect(same.headers).toMatchObject(headers)
    const other = JSON.parse(await text(redirectTo(`http://other.test:${site.port}/echo`), { headers }))
    expect(other.headers.accept).toBe('text/html')
    for (const name of ['authorization', 'cookie', 'x-service-key']) expect(other.headers).not.toHaveProperty(name)
  })
})

describe('limits [H-60]', () => {
  test('a gzip bomb is cut by its unpacked size', async () => {
    const response = await guard().fetch(at('/bomb'))
    let received = 0
    const reading = (async () => {
      for await (const chunk of response.body) received += chunk.byteLength
    })()
    expect((await failure(reading)).code).toBe('too_large')
    expect(received).toBeLessThanOrEqual(1 << 20)
  })

  test('a body that announces too much is not read at all', async () => {
    expect((await failure(guard().fetch(at('/big')))).code).toBe('too_large')
    await expect(
      guard()
        .fetch(at('/big'), { maxBytes: 3 << 20 })
        .then((r) => r.bytes()),
    ).resolves.toHaveLength(2 << 20)
    expect((await guard().fetch(at('/big'), { method: 'HEAD' })).status).toBe(200)
  })

  test('the time covers a silent server, a slow body and all redirects together', async () => {
    expect((await failure(guard({ timeoutMs: 100 }).fetch(at('/silent')))).code).toBe('timeout')
    const slow = await guard({ timeoutMs: 100 }).fetch(at('/slow'))
    expect((await failure(slow.bytes())).code).toBe('timeout')
    expect((await failure(guard().fetch(at('/redirect?to=/silent'), { timeoutMs: 100 }))).code).toBe('timeout')
  })

  test('a caller who leaves gets their own reason and the connection ends', async () => {
    const leaving = new AbortController()
    const response = await guard().fetch(at('/slow'), { signal: leaving.signal })
    const seen = site.requests.at(-1)
    const reason = new Error('left')
    leaving.abort(reason)
    await expect(response.bytes()).rejects.toBe(reason)
    if (!seen?.socket.destroyed) await once(seen!.socket, 'close')
    await expect(guard().fetch(at('/'), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  test('a body that nobody wants is discarded', async () => {
    const response = await guard().fetch(at('/slow'))
    const seen = site.requests.at(-1)
    await response.discard()
    if (!seen?.socket.destroyed) await once(seen!.socket, 'close')
  })
})
