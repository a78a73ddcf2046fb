import { createHmac, randomUUID } from 'node:crypto'
import { acceptKeys } from '@jan/service-kit/accept-keys'
import { createApiKeys } from '@jan/service-kit/api-keys'
import type { Caller } from '@jan/service-kit/auth'
import { Secret } from '@jan/service-kit/config'
import { createInternalTokens, INTERNAL_TYPE, parseInternalKeys } from '@jan/service-kit/internal-token'
import { serve } from '@jan/testkit/serve'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createS3Storage } from '../src/storage/s3-storage.client.ts'
import { dataUrl, png } from './images.ts'
import { INTERNAL_KEYS, type MediaService, SERVICE_KEY, startMediaService } from './media-service.ts'

type Headers = Record<string, string>

const KEY = `sk_${'0'.repeat(48)}`
const keys = createApiKeys({
  introspect: async () => ({
    person: { kind: 'key', subject: 'ann', workspaceId: 'ann', roles: ['user'], keyId: 'key_1' },
    expiresAt: new Date(Date.now() + 3_600_000),
  }),
})

let service: MediaService
beforeAll(async () => {
  service = await startMediaService({
    replace: ({ authenticate }) => ({ authenticate: acceptKeys(authenticate, keys) }),
  })
})
afterAll(() => service.close())

const personOf = (subject: string) => ({ kind: 'user' as const, subject, workspaceId: subject, roles: ['user'] })

/** Good for one call. */
const via = async (peer: string, caller: Caller, keys = INTERNAL_KEYS): Promise<Headers> => ({
  authorization: `Bearer ${await createInternalTokens(peer, parseInternalKeys(keys)).mint('media-api', caller)}`,
})
const ofProgram = (subject = 'ann') => via('mcp-tools', personOf(subject))

const drawing = (radius: number) =>
  Buffer.from(`<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><circle r="${radius}"/></svg>`)

/** An internal token as ours are, but for what it claims. */
function forged(claims: object, secret = Buffer.alloc(32, 7)): Headers {
  const now = Math.floor(Date.now() / 1000)
  const said = { sub: 'ann', aud: 'media-api', jti: randomUUID(), iat: now, exp: now + 60, ...claims }
  const parts = [{ alg: 'HS256', typ: INTERNAL_TYPE, kid: 'test' }, said]
  const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return { authorization: `Bearer ${text}.${createHmac('sha256', secret).update(text).digest('base64url')}` }
}

const ingest = async (bytes: Buffer, headers: Headers, more: object = {}) => {
  const source = { type: 'data_url', data_url: dataUrl(bytes, 'image/svg+xml') }
  return service.call('/v1/media', { json: { source, filename: 'plot.svg', ...more }, headers })
}

describe('an SVG of a program', () => {
  test('is stored as what it is, for the person whose program it is [M-028]', async () => {
    const stored = await service.store(drawing(1), await ofProgram(), { filename: 'plot.html' })
    expect(stored).toMatchObject({ mime: 'image/svg+xml', bytes: drawing(1).length, deduped: false })
    expect(await service.store(drawing(1), await ofProgram())).toMatchObject({ id: stored.id, deduped: true })
    const ann = await service.as('ann')
    const { body } = await service.call(`/v1/media/${stored.id}/metadata`, { headers: ann })
    expect(body).toMatchObject({ mime: 'image/svg+xml', filename: 'plot.html.svg' })
    expect(body).not.toHaveProperty('width')
    const asFile = await service.call(`/v1/files/${stored.id}`, { headers: ann })
    expect(asFile.body).toMatchObject({ purpose: 'user_data' })
    const bob = await service.as('bob')
    expect((await service.call(`/v1/media/${stored.id}/metadata`, { headers: bob })).status).toBe(404)
  })

  test('is a file to save in every way it is sent, and runs nothing [M-028]', async () => {
    const { id, presigned_url: first } = await service.store(drawing(2), await ofProgram(), { filename: 'plot.svg' })
    const ann = await service.as('ann')
    const { body } = await service.call(`/v1/media/${id}/presign`, { headers: ann })
    const signed = [first, body.url].map((url) => service.url + String(url).slice(new URL(String(url)).origin.length))
    const answers = [
      await fetch(`${service.url}/v1/media/${id}`, { headers: ann }),
      await fetch(`${service.url}/v1/media/${id}`, { headers: { ...ann, range: 'bytes=0-9' } }),
      await fetch(`${service.url}/v1/files/${id}/content`, { headers: ann }),
      ...(await Promise.all(signed.map((url) => fetch(url)))),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 206, 200, 200, 200])
    for (const { headers } of answers)
      expect(Object.fromEntries(headers)).toMatchObject({
        'content-type': 'image/svg+xml',
        'content-disposition': `attachment; filename="plot.svg"; filename*=UTF-8''plot.svg`,
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; sandbox",
      })
    expect(Buffer.from(await answers[0]!.arrayBuffer()).equals(drawing(2))).toBe(true)
    const shown = await fetch(signed[0]!.replace('disposition=attachment', 'disposition=inline'))
    expect(shown.status).toBe(403)
  })

  test('is a file to save from S3, too [M-028]', async () => {
    const s3 = createS3Storage({
      endpoint: 'https://s3.example',
      region: 'us-west-2',
      bucket: 'platform',
      accessKey: new Secret('AKIATEST'),
      secretKey: new Secret('secret'),
      usePathStyle: true,
      partsAtOnce: 2,
    })
    const far = await startMediaService({
      replace: ({ storage }) => ({ storage: { ...storage, presign: s3.presign } }),
    })
    try {
      const { presigned_url: url } = await far.store(drawing(3), await ofProgram(), { filename: 'plot.svg' })
      const { searchParams } = new URL(String(url))
      expect(searchParams.get('response-content-type')).toBe('image/svg+xml')
      expect(searchParams.get('response-content-disposition')).toMatch(/^attachment; filename="plot\.svg"/)
    } finally {
      await far.close()
      s3.close()
    }
  })

  test('is shown to no model as a picture, is read as text, and goes back into a program [M-028]', async () => {
    const { id } = await service.store(drawing(4), await ofProgram())
    const picture = await service.store(png(4), await service.as('ann'))
    const asked = [
      { ids: [picture.id, id] },
      { ids: [id], as: 'data_url' },
      { payload: { image_url: { url: `data:image/png;${id}` } } },
      { payload: [id], as: 'data_url' },
    ]
    for (const json of asked)
      for (const headers of [await service.as('ann'), await via('llm-api', personOf('ann'))]) {
        const { status, body } = await service.call('/v1/media/resolve', { json, headers })
        expect([status, body.code]).toEqual([415, 'unsupported_media_type'])
        expect(body.error).toMatch(new RegExp(`^${id}: an SVG .*/text`))
      }
    const key = { 'x-media-service-key': SERVICE_KEY }
    expect((await service.call('/v1/media/resolve', { json: { ids: [id] }, headers: key })).status).toBe(415)
    const text = await service.call(`/v1/media/${id}/text`, { headers: await service.as('ann') })
    expect(text.body).toMatchObject({ mime: 'image/svg+xml', text: drawing(4).toString(), truncated: false })
    const back = await service.call('/v1/media/resolve', {
      json: { ids: [id], as: 'data_url' },
      headers: await ofProgram(),
    })
    expect(back.body.media).toMatchObject([{ id, data_url: dataUrl(drawing(4), 'image/svg+xml') }])
  })

  test.each([
    ['cut in the middle of a letter', Buffer.concat([drawing(5), Buffer.from([0xc3])])],
    ['with a ZIP archive behind it', Buffer.concat([drawing(5), Buffer.from('PK\x05\x06'), Buffer.alloc(18)])],
    ['that is other XML', Buffer.from('<?xml version="1.0"?><feed/>')],
    ['that is none', Buffer.from([0, 1, 2, 255])],
  ])('%s is refused [M-028]', async (_what, bytes) => {
    expect((await ingest(bytes, await ofProgram())).status).toBe(415)
  })

  test('is known by its bytes: neither a name nor a declared type makes one [M-028]', async () => {
    const { body } = await ingest(Buffer.from('not a drawing'), await ofProgram())
    expect(body.mime).toBe('text/plain')
  })
})

describe('an SVG of anybody else', () => {
  const everybody: [string, () => Headers | Promise<Headers>][] = [
    ['a person', () => service.as('ann')],
    ['a person who claims a service', () => service.as('ann', { via: 'mcp-tools', act: { via: 'mcp-tools' } })],
    ['a person with headers of their own', async () => ({ ...(await service.as('ann')), 'x-via': 'mcp-tools' })],
    ['an API key', () => ({ 'x-api-key': KEY })],
    ['a token beside an API key', async () => ({ ...(await service.as('ann')), 'x-api-key': KEY })],
    ["the operator's key", () => ({ 'x-media-service-key': SERVICE_KEY })],
    [
      "the operator's key beside mcp-tools",
      async () => ({ ...(await ofProgram()), 'x-media-service-key': SERVICE_KEY }),
    ],
    ['another service for a person', () => via('llm-api', personOf('ann'))],
    ['a service that passes on whom it was called by', () => via('llm-api', { ...personOf('ann'), via: 'mcp-tools' })],
    ['a service that claims another', () => forged({ iss: 'llm-api', act: { ...personOf('ann'), via: 'mcp-tools' } })],
    ['mcp-tools for itself', () => via('mcp-tools', { kind: 'service', service: 'mcp-tools' })],
  ]

  test.each(everybody)('is refused: %s [M-028]', async (_who, headers) => {
    const { status, body } = await ingest(drawing(10), await headers(), { user_id: 'ann' })
    expect([status, body.error]).toEqual([415, expect.stringMatching(/and this is image\/svg\+xml$/)])
  })

  test('is refused also when a program of theirs has written the same [M-028]', async () => {
    await service.store(drawing(11), await ofProgram())
    expect((await ingest(drawing(11), await service.as('ann'))).status).toBe(415)
    expect((await ingest(drawing(11), { 'x-media-service-key': SERVICE_KEY }, { user_id: 'ann' })).status).toBe(415)
  })

  test('is not stored with a token that is forged, or that was used [M-028]', async () => {
    const act = personOf('ann')
    const bad = [
      forged({ iss: 'mcp-tools', act }, Buffer.alloc(32, 9)),
      forged({ iss: 'mcp-tools', act, aud: 'llm-api' }),
      await via('mcp-tools', act, `test:${Buffer.alloc(32, 9).toString('base64url')}`),
    ]
    for (const headers of bad) expect((await ingest(drawing(12), headers)).status).toBe(401)
    const once = await ofProgram()
    expect((await ingest(drawing(12), once)).status).toBe(200)
    expect((await ingest(drawing(12), once)).status).toBe(401)
  })
})

test('not even mcp-tools has an SVG fetched, sent as a form or uploaded [M-028]', async () => {
  const site = await serve((_request, response) => response.end(drawing(20)))
  const reaching = await startMediaService({ env: { OUTBOUND_ALLOW: `127.0.0.1:${site.port}` } })
  try {
    const json = { source: { type: 'remote_url', url: site.url } }
    const wish = { mime_type: 'image/svg+xml' }
    expect((await reaching.call('/v1/media', { json, headers: await ofProgram() })).status).toBe(415)
    const prepared = await reaching.call('/v1/media/prepare-upload', { json: wish, headers: await ofProgram() })
    expect(prepared.status).toBe(415)
    for (const path of ['/v1/media', '/v1/files']) {
      const body = new FormData()
      body.append('purpose', 'user_data')
      body.append('file', new File([drawing(20)], 'plot.svg', { type: 'image/svg+xml' }))
      const answer = await fetch(reaching.url + path, { method: 'POST', body, headers: await ofProgram() })
      expect(answer.status).toBe(415)
      await answer.body?.cancel()
    }
  } finally {
    await reaching.close()
    await site.close()
  }
})
