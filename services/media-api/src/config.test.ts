import { describe, expect, test } from '@jest/globals'
import { loadConfig } from './config.ts'

const needed = {
  MEDIA_DATABASE_URL: 'postgres://localhost/media_api',
  INTERNAL_TOKEN_KEYS: `k:${Buffer.alloc(32).toString('base64url')}`,
  FIELD_ENCRYPTION_KEYS: `k:${Buffer.alloc(32).toString('base64url')}`,
  MEDIA_URL_SECRET: 'x'.repeat(32),
}
const load = (more: Record<string, string> = {}) => loadConfig({ ...needed, ...more })

test('a laptop needs no more than what has no safe default', () => {
  const config = load()
  expect(config.http).toMatchObject({ host: '127.0.0.1', port: 8285 })
  expect(config.media).toEqual({
    maxBytes: 20_971_520,
    maxDocumentBytes: 67_108_864,
    maxRecordingBytes: 536_870_912,
    quotaBytes: 10_737_418_240,
    quotaObjects: 100_000,
    quotaUploads: 1_000,
    retentionDays: 30,
    scanUrl: undefined,
    scanTimeoutMs: 60_000,
    resolveMaxBytes: 67_108_864,
    proxyDownload: true,
    presignTtlMs: 300_000,
    remoteTimeoutMs: 15_000,
  })
  expect(config.storage.kind).toBe('disk')
  expect(config.storage.disk.path).toMatch(/^\/.*\.jan\/media$/)
})

test('all that is missing is named at once, without values', () => {
  expect(() => loadConfig({ MEDIA_S3_SECRET_KEY: 'hush' })).toThrow(/INTERNAL_TOKEN_KEYS: .*\n.*MEDIA_DATABASE_URL: /)
  expect(() => load({ MEDIA_URL_SECRET: 'short' })).toThrow(/MEDIA_URL_SECRET: MEDIA_STORAGE=disk needs/)
  expect(() => load({ MEDIA_PRESIGN_TTL: '169h' })).toThrow(/MEDIA_PRESIGN_TTL: expected 1 second to 7 days/)
  expect(() => load({ OUTBOUND_ALLOW: 'somewhere' })).toThrow(
    /OUTBOUND_ALLOW: 'somewhere' is not of the form host:port/,
  )
})

describe('the example service key', () => {
  test('is good on loopback outside production [P-015]', () => {
    for (const host of ['127.0.0.1', 'localhost', '::1'])
      expect(load({ MEDIA_API_HTTP_HOST: host }).serviceKey.reveal()).toBe('changeme-media-key')
  })

  test('is refused on any other listener and in production, given or not [P-016]', () => {
    const elsewhere: Record<string, string>[] = [{ MEDIA_API_HTTP_HOST: '0.0.0.0' }, { NODE_ENV: 'production' }]
    const keys: Record<string, string>[] = [{}, { MEDIA_SERVICE_KEY: '' }, { MEDIA_SERVICE_KEY: 'changeme-media-key' }]
    for (const where of elsewhere)
      for (const key of keys)
        expect(() => load({ ...where, ...key })).toThrow(/MEDIA_SERVICE_KEY: a key of your own is needed/)
  })

  test('gives way to a key of one’s own anywhere', () => {
    const config = load({ MEDIA_API_HTTP_HOST: '0.0.0.0', NODE_ENV: 'production', MEDIA_SERVICE_KEY: 'mine-alone' })
    expect(config.serviceKey.reveal()).toBe('mine-alone')
    expect(JSON.stringify(config)).not.toContain('mine-alone')
  })
})

test('S3 needs a bucket and keys, and then no secret for URLs', () => {
  expect(() => load({ MEDIA_STORAGE: 's3' })).toThrow(
    /MEDIA_S3_BUCKET: .*\n.*MEDIA_S3_ACCESS_KEY: .*\n.*MEDIA_S3_SECRET_KEY: /,
  )
  const s3 = { MEDIA_S3_BUCKET: 'b', MEDIA_S3_ACCESS_KEY: 'a', MEDIA_S3_SECRET_KEY: 's', MEDIA_URL_SECRET: '' }
  expect(load({ MEDIA_STORAGE: 's3', ...s3 }).storage.s3).toMatchObject({
    bucket: 'b',
    usePathStyle: true,
    partsAtOnce: 24,
  })
})
