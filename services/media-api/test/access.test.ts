import { createInternalTokens, parseInternalKeys } from '@jan/service-kit/internal-token'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { dataUrl, png } from './images.ts'
import { INTERNAL_KEYS, type MediaService, SERVICE_KEY, startMediaService } from './media-service.ts'

let service: MediaService
let ann: Record<string, string>
let id: string

beforeAll(async () => {
  service = await startMediaService()
  ann = await service.as('ann')
  id = (await service.store(png(1), ann)).id
})
afterAll(() => service.close())

const source = { type: 'data_url', data_url: dataUrl(png(1)) }
const workspaceOf = async (mediaId: unknown) =>
  (await service.db.query('SELECT workspace_id FROM media_object WHERE id = $1', [mediaId]))[0]?.workspace_id

type Headers = Record<string, string>

/** Every way to an object, in turn. @param sent the same for each call, or new ones: internal tokens are good for one */
async function statuses(sent: Headers | (() => Promise<Headers>)): Promise<number[]> {
  const headers = async () => (typeof sent === 'function' ? sent() : sent)
  const answers = [
    await service.call('/v1/media', { json: { source }, headers: await headers() }),
    await service.call('/v1/media/resolve', { json: { ids: [id] }, headers: await headers() }),
    await service.call(`/v1/media/${id}/presign`, { headers: await headers() }),
    await service.call(`/v1/media/${id}`, { headers: { ...(await headers()), range: 'bytes=99999-' } }),
  ]
  return answers.map((each) => each.status)
}

test('without a token, or with a forged identity header, nothing is open [H-98 H-99]', async () => {
  expect(await statuses({})).toEqual([401, 401, 401, 401])
  expect(await statuses({ 'x-user-id': 'ann', 'x-user-subject': 'ann', 'x-auth-method': 'jwt' })).toEqual([
    401, 401, 401, 401,
  ])
  const { body, headers } = await service.call(`/v1/media/${id}`)
  expect(body).toEqual({
    error: 'You need to send a token',
    message: 'You need to send a token',
    code: 'unauthenticated',
    request_id: expect.any(String),
  })
  expect(headers.get('www-authenticate')).toMatch(/^Bearer realm="jan"/)
})

test('a token that is expired, foreign or for somebody else is refused [H-98]', async () => {
  for (const claims of [{ exp: 1 }, { iss: 'http://evil.test/realms/jan' }, { aud: 'other' }]) {
    const headers = await service.as('ann', claims)
    expect((await service.call(`/v1/media/${id}`, { headers })).status).toBe(401)
  }
})

test("somebody else's media does not exist [H-82]", async () => {
  const bob = await service.as('bob')
  expect((await statuses(bob)).slice(1)).toEqual([404, 404, 404])
  expect((await service.call(`/v1/media/${id}`, { headers: bob })).body.error).toBe(`Media not found: ${id}`)
})

test('what is no id at all is not found either', async () => {
  for (const nonsense of ['jan_x', 'JAN_01HQR8V9K2X3F4G5H6J7K8M9N0', '%00', 'a%2Fb'])
    expect((await service.call(`/v1/media/${nonsense}`, { headers: ann })).status).toBe(404)
})

test('a guest stores media', async () => {
  const guest = await service.as('guest-1', { realm_access: { roles: ['guest'] } })
  expect((await service.store(png(5), guest)).deduped).toBe(false)
})

test('a person acts for nobody else, whatever user_id they send [H-82 M-017]', async () => {
  const stored = await service.store(png(6), await service.as('eve'), { user_id: 'ann' })
  expect(await workspaceOf(stored.id)).toBe('eve')
  expect((await service.call(`/v1/media/${stored.id}`, { headers: ann })).status).toBe(404)
})

describe("the operator's key", () => {
  const key = { 'x-media-service-key': SERVICE_KEY }

  test('stores for the user it names, who then owns it [M-018]', async () => {
    const stored = await service.store(png(7), key, { user_id: 'user123' })
    expect(await workspaceOf(stored.id)).toBe('user123')
    const answer = await fetch(`${service.url}/v1/media/${stored.id}`, { headers: await service.as('user123') })
    expect(answer.status).toBe(200)
    await answer.body?.cancel()
  })

  test('must name a user to store', async () => {
    for (const body of [
      { source },
      { source, user_id: '' },
      { source, user_id: 'a b' },
      { source, user_id: 'a\u0000' },
    ]) {
      const reply = await service.call('/v1/media', { json: body, headers: key })
      expect(reply.status).toBe(400)
      expect(reply.body.error).toMatch(/user_id/)
    }
  })

  test('reads what it is given the id of', async () => {
    expect((await statuses(key)).slice(1)).toEqual([200, 200, 416])
  })

  test('is refused when it is wrong, also beside a good token [M-018]', async () => {
    for (const wrong of ['changeme', '', `${SERVICE_KEY}x`]) {
      const headers = { ...ann, 'x-media-service-key': wrong }
      const reply = await service.call(`/v1/media/${id}`, { headers })
      expect([reply.status, reply.body.error]).toEqual([401, 'The media service key is not valid'])
    }
  })
})

test('a peer that acts for a person reaches what that person reaches', async () => {
  const tokens = createInternalTokens('llm-api', parseInternalKeys(INTERNAL_KEYS))
  const actingFor = (subject: string) => async () => ({
    authorization: `Bearer ${await tokens.mint('media-api', { kind: 'user', subject, workspaceId: subject, roles: [] })}`,
  })
  expect(await statuses(actingFor('ann'))).toEqual([200, 200, 200, 416])
  expect((await statuses(actingFor('bob'))).slice(1)).toEqual([404, 404, 404])
})

test('methods and paths that do not exist are refused in the shape of this service', async () => {
  const wrongMethod = await service.call(`/v1/media/${id}`, { method: 'PUT', json: {}, headers: ann })
  expect([wrongMethod.status, typeof wrongMethod.body.error]).toEqual([405, 'string'])
  const wrongPath = await service.call('/v1/media/a/b', { headers: ann })
  expect([wrongPath.status, typeof wrongPath.body.error]).toEqual([404, 'string'])
})
