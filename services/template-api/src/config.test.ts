import { expect, test } from '@jest/globals'
import { loadConfig } from './config.ts'

const needed = {
  TEMPLATE_DATABASE_URL: 'postgres://localhost/template_api',
  INTERNAL_TOKEN_KEYS: `k:${Buffer.alloc(32).toString('base64url')}`,
  FIELD_ENCRYPTION_KEYS: `k:${Buffer.alloc(32).toString('base64url')}`,
}

test('a laptop needs no more than what has no safe default', () => {
  expect(loadConfig(needed).http).toMatchObject({ host: '127.0.0.1', port: 8190 })
})

test('all that is missing is named at once', () => {
  expect(() => loadConfig({})).toThrow(
    /INTERNAL_TOKEN_KEYS: .*\n.*TEMPLATE_DATABASE_URL: .*\n.*FIELD_ENCRYPTION_KEYS: /,
  )
})

test('nobody but a loopback listener may go without tokens', () => {
  const open = { ...needed, AUTH_ENABLED: 'false' }
  expect(loadConfig(open).auth.enabled).toBe(false)
  expect(() => loadConfig({ ...open, TEMPLATE_API_HTTP_HOST: '0.0.0.0' })).toThrow(/AUTH_ENABLED=false is refused/)
})
