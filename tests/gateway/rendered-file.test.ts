import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { send } from '@jan/embedded/gateway/client.fixture'
import { parseKongFile } from '@jan/embedded/gateway/kong-file'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { type KongEnvironment, renderKong } from '../../scripts/render-kong.ts'
import type { KongFile } from './harness/kong-file.ts'
import { startSubject } from './harness/subject.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const SHIPPED = readFileSync(resolve(ROOT, 'kong/kong.yml'), 'utf8')
const render = (...args: string[]) =>
  promisify(execFile)(process.execPath, ['--no-warnings', 'scripts/render-kong.ts', ...args], { cwd: ROOT })

test('without settings the rendered file is the shipped one, comments and all [I-071]', () => {
  expect(renderKong(SHIPPED, {})).toBe(SHIPPED)
})

test('limits and origins of an environment are in the file, and nothing else changed [I-071]', () => {
  const origins = ['https://chat.example.org', 'https://admin.example.org:8443']
  const rendered = renderKong(SHIPPED, { perMinute: 1200, bodyMegabytes: 100, origins })
  const { plugins } = parseKongFile(rendered)
  expect(plugins['rate-limiting']).toMatchObject({ minute: 1200, hour: 40_000, policy: 'local' })
  expect(plugins['request-size-limiting']).toMatchObject({ allowed_payload_size: 100, size_unit: 'megabytes' })
  expect(plugins.cors).toMatchObject({ origins, credentials: true })
  const restored = renderKong(rendered, {
    perMinute: 600,
    perHour: 20_000,
    bodyMegabytes: 1100,
    origins: parseKongFile(SHIPPED).plugins.cors?.origins,
  })
  expect(restored).toBe(SHIPPED)
})

test('several Kongs count in one Redis, whose password is never in the file [I-071]', async () => {
  const { stdout } = await render('--redis-host=redis.internal', '--redis-port=6380', '--redis-password-from=REDIS_KEY')
  expect(parseKongFile(stdout).plugins['rate-limiting']).toMatchObject({
    minute: 600,
    policy: 'redis',
    redis: { host: 'redis.internal', port: 6380, password: '{vault://env/redis-key}' },
  })
})

test('a single origin is compared with the one that asks, as several are [I-071]', async () => {
  const rendered = parse(renderKong(SHIPPED, { origins: ['https://chat.example.org'] })) as KongFile
  await using gateway = await startSubject((file) => Object.assign(file, rendered))
  const allowed = async (origin: string) =>
    (await send(gateway, { headers: { origin } })).lines['access-control-allow-origin']
  expect(await allowed('https://chat.example.org')).toEqual(['https://chat.example.org'])
  expect(await allowed('http://localhost:3000')).toBeUndefined()
})

test.each<[string, KongEnvironment, RegExp]>([
  ['no origin at all', { origins: [] }, /origins/],
  ['any origin', { origins: ['*'] }, /no wildcard/],
  ['an origin with a path', { origins: ['https://a.example/x'] }, /origins/],
  ['an hour below the minute', { perMinute: 100, perHour: 10 }, /hour must not be below minute/],
  ['a body of nothing', { bodyMegabytes: 0 }, /allowed_payload_size/],
  ['a Redis by URL', { redis: { host: 'redis://cache' } }, /no URL/],
])('%s is refused [I-071]', (_name, environment, reason) => {
  expect(() => renderKong(SHIPPED, environment)).toThrow(reason)
})

test('the command says what is wrong in plain words [I-071]', async () => {
  await expect(render('--minute=many')).rejects.toMatchObject({ code: 1, stderr: /^--minute must be a whole number/ })
  await expect(render('--redis-port=1')).rejects.toMatchObject({ code: 1, stderr: '--redis-host is missing\n' })
})
