import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import OpenAI from 'openai'
import { parse, stringify } from 'yaml'
import { loadKongFile, parseKongFile } from './kong-file.ts'

const SHIPPED = readFileSync(new URL('../../../../kong/kong.yml', import.meta.url), 'utf8')

type Loose = Record<string, never> & { services: Loose[]; routes: Loose[]; plugins: Loose[]; config: Loose }

/** The shipped file with one thing changed. */
function changed(change: (file: Loose) => unknown): string {
  const file = parse(SHIPPED)
  change(file)
  return stringify(file)
}
const set = (target: object | undefined, fields: object) => Object.assign(target ?? {}, fields)
const route = (file: Loose) => file.services[0]?.routes[0]
const plugin = (file: Loose, name: string) => file.plugins.find((entry) => String(entry.name) === name)

test('the shipped file is within the subset [H-72]', () => {
  expect(loadKongFile().services.map((service) => service.name)).toContain('mcp-tools-short')
})

test('it uses every plugin that was asked for, all of them come with Kong, and nothing is repeated [I-063]', () => {
  const { services, plugins } = parse(SHIPPED) as {
    services: { retries: number; read_timeout: number }[]
    plugins: { name: string; config: object }[]
  }
  const configs = Object.fromEntries(plugins.map(({ name, config }) => [name, config]))
  expect(configs).toMatchObject({
    'correlation-id': { header_name: 'X-Request-Id', echo_downstream: true },
    cors: { credentials: true, exposed_headers: expect.arrayContaining(['X-Request-Id', 'Retry-After']) },
    'request-size-limiting': { require_content_length: false },
    'rate-limiting': { policy: 'local', limit_by: 'ip', hide_client_headers: false },
    'request-transformer': { remove: { headers: expect.arrayContaining(['X-User-ID', 'X-Principal-Id']) } },
    'response-transformer': { add: { headers: expect.arrayContaining(['X-Content-Type-Options:nosniff']) } },
    opentelemetry: { propagation: { default_format: 'w3c', extract: ['w3c'], inject: ['w3c'] } },
    prometheus: {},
  })
  expect(Object.keys(configs)).toHaveLength(8)
  // A stream may be silent for 15 s, a model that thinks for minutes.
  expect(services.filter(({ retries, read_timeout }) => retries !== 0 || read_timeout < 600_000)).toEqual([])
})

describe('refused at start [H-72]', () => {
  test.each<[string, (file: Loose) => unknown, RegExp]>([
    ['an older format', (f) => set(f, { _format_version: '1.1' }), /_format_version.*must be the string "3.0"/],
    ['a numeric format version', (f) => set(f, { _format_version: 3.0 }), /_format_version/],
    ['an unknown top field', (f) => set(f, { consumers: [] }), /consumers/],
    ['no services', (f) => set(f, { services: [] }), /\/services/],
    ['a url', (f) => set(f.services[0], { url: 'http://llm-api:8080' }), /\(url\)/],
    ['a URL as host', (f) => set(f.services[0], { host: 'http://llm-api' }), /host.*fixed name/],
    ['retries', (f) => set(f.services[0], { retries: 5 }), /retries.*must be 0/],
    ['a service without timeouts', (f) => set(f.services[0], { read_timeout: undefined }), /read_timeout/],
    ['https to a service', (f) => set(f.services[0], { protocol: 'https' }), /protocol/],
    ['a service path with a slash behind', (f) => set(f.services[0], { path: '/v1/' }), /path/],
    ['methods', (f) => set(route(f), { methods: ['GET'] }), /\(methods\).*chosen by paths alone/],
    ['hosts', (f) => set(route(f), { hosts: ['a'] }), /\(hosts\)/],
    ['headers', (f) => set(route(f), { headers: { a: ['b'] } }), /\(headers\)/],
    ['a plugin on a route', (f) => set(route(f), { plugins: [] }), /\(plugins\).*replace the global/],
    ['a plugin on a service', (f) => set(f.services[0], { plugins: [] }), /\(plugins\)/],
    ['a route without paths', (f) => set(route(f), { paths: [] }), /paths/],
    ['buffering', (f) => set(route(f), { request_buffering: true }), /request_buffering.*everything streams/],
    ['preserve_host', (f) => set(route(f), { preserve_host: true }), /preserve_host/],
    ['look-ahead', (f) => set(route(f), { paths: ['~/v1/(?!x)a$'] }), /no look-around/],
    ['look-behind', (f) => set(route(f), { paths: ['~/v1/(?<=x)a$'] }), /no look-around/],
    ['a back-reference', (f) => set(route(f), { paths: ['~/(a)/\\1$'] }), /no back-references/],
    ['an expression without an end', (f) => set(route(f), { paths: ['~/v1'] }), /ending in/],
    ['an anchor in front', (f) => set(route(f), { paths: ['~^/v1$'] }), /paths\/0/],
    ['alternatives in a plain path', (f) => set(route(f), { paths: ['/(a|b)'] }), /paths\/0/],
    ['a path without a slash', (f) => set(route(f), { paths: ['v1'] }), /paths\/0/],
    ['a double slash', (f) => set(route(f), { paths: ['/v1//x'] }), /paths\/0/],
    [
      'overlapping expressions',
      (f) => set(route(f), { paths: ['~/(?:x|mcp)/healthz$'], regex_priority: 10 }),
      /mcp.healthz\$ meets .*regex_priority must differ/,
    ],
    [
      'nested expressions',
      (f) => set(route(f), { paths: ['~/v1(?:/|$)'], regex_priority: 10 }),
      /meets ~\/v1\(\?:\/\|\$\): their/,
    ],
    [
      'one path twice',
      (f) => [set(route(f), { paths: ['/x'] }), set(f.services[1]?.routes[0], { paths: ['/x'] })],
      /\/x meets \/x/,
    ],
    ['a service name twice', (f) => set(f.services[1], { name: 'llm-api' }), /service llm-api appears twice/],
    ['a route name twice', (f) => set(f.services[1]?.routes[0], { name: 'llm-api' }), /route llm-api appears twice/],
    ['a plugin twice', (f) => f.plugins.push(f.plugins[0] as Loose), /plugin correlation-id appears twice/],
    ['an unknown plugin', (f) => set(f.plugins[0], { name: 'jwt' }), /\/plugins\/0.*jwt/],
    ['a plugin without a name', (f) => set(f.plugins[0], { name: undefined }), /\/plugins\/0/],
    [
      'an unknown plugin setting',
      (f) => set(plugin(f, 'cors')?.config, { preflight_continue: true }),
      /preflight_continue/,
    ],
    [
      'a wildcard header',
      (f) => set(plugin(f, 'request-transformer')?.config, { remove: { headers: ['X-User-*'] } }),
      /no wildcards/,
    ],
    ['any origin', (f) => set(plugin(f, 'cors')?.config, { origins: ['*', 'http://a'] }), /origins\/0/],
    ['a single origin', (f) => set(plugin(f, 'cors')?.config, { origins: ['http://a'] }), /two or more/],
    [
      'an origin from the vault',
      (f) => set(plugin(f, 'cors')?.config, { origins: ['http://a', '{vault://env/o}'] }),
      /vault/,
    ],
    [
      'a required length',
      (f) => set(plugin(f, 'request-size-limiting')?.config, { require_content_length: true }),
      /refuses every request/,
    ],
    ['an hour below the minute', (f) => set(plugin(f, 'rate-limiting')?.config, { hour: 1 }), /hour must not be below/],
    ['a limit as text', (f) => set(plugin(f, 'rate-limiting')?.config, { minute: '600' }), /minute/],
    ['limits in an unknown place', (f) => set(plugin(f, 'rate-limiting')?.config, { policy: 'cluster' }), /policy/],
    ['limits in a Redis without a host', (f) => set(plugin(f, 'rate-limiting')?.config, { policy: 'redis' }), /redis/],
    [
      'a Redis for limits that are local',
      (f) => set(plugin(f, 'rate-limiting')?.config, { redis: { host: 'redis', port: 6379, timeout: 500 } }),
      /belongs to policy redis/,
    ],
    [
      'default propagation',
      (f) => set(plugin(f, 'opentelemetry')?.config, { propagation: { default_format: 'w3c' } }),
      /w3c throughout/,
    ],
  ])('%s', (_name, change, message) => {
    expect(() => parseKongFile(changed(change))).toThrow(message)
  })

  test('something that is not a mapping, or no YAML', () => {
    expect(() => parseKongFile('hello')).toThrow(/must be object/)
    expect(() => parseKongFile('')).toThrow(/must be object/)
    expect(() => parseKongFile('a: [')).toThrow()
  })

  test('every problem is named, not only the first', () => {
    const file = changed((f) => [set(f.services[0], { retries: 1 }), set(f, { upstreams: [] })])
    expect(() => parseKongFile(file)).toThrow(/upstreams[\s\S]*retries|retries[\s\S]*upstreams/)
  })
})

test('a browser with the OpenAI SDK may send every header that the SDK sends', async () => {
  const sent = new Set<string>()
  const client = new OpenAI({
    baseURL: 'http://127.0.0.1:1/v1',
    apiKey: 'sk-test',
    organization: 'o',
    project: 'p',
    dangerouslyAllowBrowser: true,
    maxRetries: 0,
    fetch: async (_url, init) => {
      for (const name of new Headers(init?.headers).keys()) sent.add(name)
      return new Response('{}', { headers: { 'content-type': 'application/json' } })
    },
  })
  await client.chat.completions.create({ model: 'm', messages: [] }, { idempotencyKey: 'i', timeout: 1000 })
  await client.responses.create({ model: 'm', input: 'x' })
  const allowed = loadKongFile().plugins.cors?.headers.map((name) => name.toLowerCase())
  // A browser sets its own User-Agent.
  expect([...sent].filter((name) => name !== 'user-agent' && !allowed?.includes(name))).toEqual([])
  expect([...sent].some((name) => name.startsWith('x-stainless-'))).toBe(true)
})
