import { expect, test } from '@jest/globals'
import type { z } from 'zod'
import { duration, env, flag, integer, list, readConfig, secret, variablesOf } from '../src/config.ts'
import {
  authConfig,
  authProblems,
  environmentConfig,
  httpConfig,
  limitsConfig,
  logConfig,
} from '../src/config-blocks.ts'

const KEYS = `k:${Buffer.alloc(32).toString('base64url')}`
const shape = {
  environment: environmentConfig,
  http: httpConfig('NOTES', 8123, ['HTTP_PORT']),
  log: logConfig('NOTES'),
  auth: authConfig,
  password: env('NOTES_PASSWORD', secret(), 'Opens things'),
}
const read = (source: Record<string, string>, warnings: string[] = []) =>
  readConfig(shape, { NOTES_PASSWORD: 'hush', INTERNAL_TOKEN_KEYS: KEYS, ...source }, authProblems, (line) =>
    warnings.push(line),
  )

test('flat variables become a typed tree, empty ones count as unset [P-052 P-059]', () => {
  expect(read({ NOTES_HTTP_PORT: '', SHUTDOWN_GRACE: '2s', AUTH_AUDIENCE: 'a, b' })).toMatchObject({
    http: { host: '127.0.0.1', port: 8123, shutdownGraceMs: 2000 },
    auth: { enabled: true, audience: ['a', 'b'] },
  })
})

test('every problem is told at once, and no value with it [H-44]', () => {
  const wrong = () =>
    readConfig(shape, {
      NOTES_HTTP_PORT: 'ninety',
      AUTH_ENABLED: 'perhaps',
      INTERNAL_TOKEN_KEYS: 'k:tooshortsecret',
      SHUTDOWN_GRACE: 'long',
    })
  expect(wrong).toThrow(
    /NOTES_HTTP_PORT[\s\S]*SHUTDOWN_GRACE[\s\S]*AUTH_ENABLED[\s\S]*INTERNAL_TOKEN_KEYS[\s\S]*NOTES_PASSWORD/,
  )
  expect(wrong).not.toThrow(/tooshortsecret/)
})

test('secrets do not show themselves [H-44]', () => {
  const { password } = read({})
  expect([String(password), JSON.stringify({ password }), password.reveal()]).toEqual([
    '[secret]',
    '{"password":"[secret]"}',
    'hush',
  ])
})

test('old names are read, with a warning [P-006]', () => {
  const warnings: string[] = []
  expect(read({ HTTP_PORT: '9000' }, warnings).http.port).toBe(9000)
  expect(warnings).toEqual(['HTTP_PORT is an old name of NOTES_HTTP_PORT'])
})

test('AUTH_ENABLED=false is for loopback outside production only [P-017]', () => {
  expect(read({ AUTH_ENABLED: 'False' }).auth.enabled).toBe(false)
  expect(() => read({ AUTH_ENABLED: 'false', NOTES_HTTP_HOST: '0.0.0.0' })).toThrow(/only a loopback listener/)
  expect(() => read({ AUTH_ENABLED: 'false', NODE_ENV: 'production' })).toThrow(/refused in production/)
})

test('flags, durations, lists and integers are strict', () => {
  const parse = (schema: z.ZodType, text: string) => schema.safeParse(text).data
  expect([parse(flag(false), 'TRUE'), parse(flag(true), 'no'), parse(flag(true), 'x')]).toEqual([
    true,
    false,
    undefined,
  ])
  expect([parse(duration('1s'), '500ms'), parse(duration('1s'), '2h'), parse(duration('1s'), '2')]).toEqual([
    500,
    7_200_000,
    undefined,
  ])
  expect([parse(list(), ' a ,,b'), parse(integer(1), '-1'), parse(integer(1), '12')]).toEqual([
    ['a', 'b'],
    undefined,
    12,
  ])
})

test('all variables can be listed for tables and env files', () => {
  expect(variablesOf(shape).map((variable) => variable.env)).toEqual(
    expect.arrayContaining(['NODE_ENV', 'NOTES_HTTP_PORT', 'NOTES_LOG_LEVEL', 'AUTH_ISSUER', 'NOTES_PASSWORD']),
  )
})

test('the URL of Redis is a secret and must be one; without it there is still a limit [H-44]', () => {
  const limits = (source: Record<string, string>) => readConfig(limitsConfig, source)
  expect(limits({})).toEqual({ redisUrl: undefined, requestsPerMinute: 600 })
  const { redisUrl, requestsPerMinute } = limits({
    REDIS_URL: 'rediss://:hush@cache:6380/1',
    REQUESTS_PER_MINUTE: '0',
  })
  expect([String(redisUrl), redisUrl?.reveal(), requestsPerMinute]).toEqual([
    '[secret]',
    'rediss://:hush@cache:6380/1',
    0,
  ])
  for (const wrong of ['cache:6379', 'http://:hush@cache', '/tmp/hush.sock'])
    expect(() => limits({ REDIS_URL: wrong })).toThrow(
      /^((?!hush)[\s\S])*REDIS_URL: expected a redis:((?!hush)[\s\S])*$/,
    )
  expect(() => limits({ REQUESTS_PER_MINUTE: '-1' })).toThrow(/REQUESTS_PER_MINUTE/)
})
