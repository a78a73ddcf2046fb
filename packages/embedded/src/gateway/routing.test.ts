import { describe, expect, test } from '@jest/globals'
import { loadKongFile, parseKongFile } from './kong-file.ts'
import { compileRoutes, matchRoute, normalisePath, splitTarget } from './routing.ts'

describe('normalised paths [H-73]', () => {
  test.each([
    ['/v1//responses', '/v1/responses'],
    ['//v1/responses', '/v1/responses'],
    ['/v1/./r', '/v1/r'],
    ['/v1/x/../r', '/v1/r'],
    ['/v1/x/..', '/v1/'],
    ['/v1/.', '/v1/'],
    ['/x/..', '/'],
    ['/', '/'],
    ['/v1/%72esponses', '/v1/responses'],
    ['/%7Euser', '/~user'],
    ['/v1/%2e%2e/models', '/models'],
    ['/a%2fb', '/a%2Fb'],
    ['/a%2Fb', '/a%2Fb'],
    ['/a%20b', '/a%20b'],
    ['/%c3%a9', '/%C3%A9'],
    ['/\u00c3\u00a9"', '/%C3%A9%22'],
    ['/%3F', '/%3F'],
    ['/%25zz', '/%25zz'],
    ['/a+b;c=d', '/a+b;c=d'],
    ['/v1/', '/v1/'],
    ['/v1/...', '/v1/...'],
  ])('%s becomes %s', (sent, forwarded) => {
    expect(normalisePath(sent)).toBe(forwarded)
  })

  test.each(['/a/../../x', '/..', '/%2e%2e/x', '/v1/x%00', '/v1/%zz', '/v1/%2', '/v1/%', '*', ''])(
    '%p is refused',
    (sent) => {
      expect(normalisePath(sent)).toBeUndefined()
    },
  )

  test('a target is split without touching the query', () => {
    expect(splitTarget('/a?x=1&x=2?%zz')).toEqual({ authority: undefined, path: '/a', query: '?x=1&x=2?%zz' })
    expect(splitTarget('/a?')).toEqual({ authority: undefined, path: '/a', query: '?' })
    expect(splitTarget('http://other:1/v1/x')).toEqual({ authority: 'other:1', path: '/v1/x', query: '' })
    expect(splitTarget('http://other?q')).toEqual({ authority: 'other', path: '/', query: '?q' })
  })
})

describe('the shipped routes [H-73 P-030 P-010]', () => {
  const routes = compileRoutes(loadKongFile().services)
  const routed = (path: string) => {
    const match = matchRoute(routes, path)
    return match && `${match.service.host}${match.path}`
  }

  test.each([
    ['/v1', 'llm-api/v1'],
    ['/v1/', 'llm-api/v1/'],
    ['/v1/models', 'llm-api/v1/models'],
    ['/v1/swagger/', 'llm-api/v1/swagger/'],
    ['/v1/chat/completions', 'llm-api/v1/chat/completions'],
    ['/auth/guest-login', 'llm-api/auth/guest-login'],
    ['/healthz', 'llm-api/healthz'],
    ['/docs', 'llm-api/docs'],
    ['/docs/api', 'llm-api/docs/api'],
    ['/llm', 'llm-api/'],
    ['/llm/', 'llm-api/'],
    ['/llm/v1/models', 'llm-api/v1/models'],
    ['/v1/responses', 'response-api/v1/responses'],
    ['/v1/responses/resp_1', 'response-api/v1/responses/resp_1'],
    ['/v1/orchestrations', 'response-api/v1/orchestrations'],
    ['/v1/webhooks/w', 'response-api/v1/webhooks/w'],
    ['/responses/v1/responses', 'response-api/v1/responses'],
    ['/v1/media', 'media-api/v1/media'],
    ['/v1/files/f/content', 'media-api/v1/files/f/content'],
    ['/media/v1/media', 'media-api/v1/media'],
    ['/v1/mcp', 'mcp-tools/v1/mcp'],
    ['/v1/mcp/tools', 'mcp-tools/v1/mcp/tools'],
    ['/v1/vector_stores', 'mcp-tools/v1/vector_stores'],
    ['/.well-known/oauth-protected-resource', 'mcp-tools/.well-known/oauth-protected-resource'],
    ['/.well-known/oauth-protected-resource/v1/mcp', 'mcp-tools/.well-known/oauth-protected-resource/v1/mcp'],
    ['/mcp', 'mcp-tools/v1/mcp'],
    ['/mcp/', 'mcp-tools/v1/mcp/'],
    ['/mcp/tools', 'mcp-tools/v1/mcp/tools'],
    ['/mcp/healthz', 'mcp-tools/healthz'],
    ['/mcp/readyz', 'mcp-tools/readyz'],
    ['/mcp/readyz/x', 'mcp-tools/v1/mcp/readyz/x'],
    // look-alikes fall to the general route, whose service answers for them
    ['/v1/responsesX', 'llm-api/v1/responsesX'],
    ['/v1/mediax', 'llm-api/v1/mediax'],
    ['/v1/responses%2Fx', 'llm-api/v1/responses%2Fx'],
  ])('%s goes to %s', (path, target) => {
    expect(routed(path)).toBe(target)
  })

  test.each([
    '/',
    '/v1x',
    '/V1/models',
    '/mcpx',
    '/mediax',
    '/llmx',
    '/healthz/x',
    '/readyz',
    '/xwell-known/oauth-protected-resource',
  ])('%s has no route', (path) => {
    expect(routed(path)).toBeUndefined()
  })
})

test('expressions win over prefixes, then regex_priority, then the longer prefix [H-73]', () => {
  const service = (name: string, route: string) =>
    `  - {name: ${name}, host: ${name}, port: 80, protocol: http, retries: 0, connect_timeout: 1, read_timeout: 1, write_timeout: 1, routes: [{name: ${name}, request_buffering: false, response_buffering: false, ${route}}]}`
  const { services } = parseKongFile(
    [
      '_format_version: "3.0"',
      'plugins: []',
      'services:',
      service('all', 'paths: [/], strip_path: false'),
      service('long', 'paths: [/aa/bb/cc]'),
      service('low', "paths: ['~/aa/bb(?:/|$)']"),
      service('high', "paths: ['~/aa(?:/|$)'], regex_priority: 1"),
      service('dotted', 'paths: [/a.b]'),
    ].join('\n'),
  )
  const routes = compileRoutes(services)
  const routed = (path: string) => matchRoute(routes, path)?.service.name
  expect(routed('/aa/bb/cc')).toBe('high')
  expect(routed('/other')).toBe('all')
  expect(routed('/a.bc')).toBe('dotted')
  expect(routed('/axb')).toBe('all')
  // strip_path is true unless said otherwise, and a plain path is a bare string prefix
  expect(matchRoute(routes, '/a.bc/d')).toMatchObject({ path: '/c/d', prefix: '/a.b' })
})
