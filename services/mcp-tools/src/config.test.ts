import { describe, expect, test } from '@jest/globals'
import { loadConfig } from './config.ts'

const key = `k:${Buffer.alloc(32, 1).toString('base64url')}`
const NEEDED = {
  INTERNAL_TOKEN_KEYS: key,
  FIELD_ENCRYPTION_KEYS: key,
  MCP_TOOLS_DATABASE_URL: 'postgres://localhost/mcp_tools',
}

describe('the configuration', () => {
  test('starts on a laptop with nothing but its keys and its database [P-044]', () => {
    expect(loadConfig(NEEDED)).toMatchObject({
      http: { host: '127.0.0.1', port: 8091 },
      publicUrl: 'http://localhost:8000',
      sessionKeys: [],
      search: { offline: false, domains: [] },
      sandbox: {
        requireApproval: false,
        poolSize: 1,
        timeoutMs: 30_000,
        stateDir: expect.stringMatching(/jan-sandbox-\d+$/),
      },
      outboundAllow: [],
    })
  })

  test('takes what operators write', () => {
    const config = loadConfig({
      ...NEEDED,
      SERPER_DOMAIN_FILTER: 'https://www.Example.com/, docs.example.org',
      MCP_SANDBOX_REQUIRE_APPROVAL: 'True',
      OUTBOUND_ALLOW: '127.0.0.1:9000, intranet.example:8080',
      MCP_STATE_KEY: Buffer.alloc(32, 9).toString('base64url'),
    })
    expect(config.search.domains).toEqual(['example.com', 'docs.example.org'])
    expect(config.sandbox.requireApproval).toBe(true)
    expect(config.outboundAllow).toEqual(['127.0.0.1:9000', 'intranet.example:8080'])
    expect(config.sessionKeys).toHaveLength(1)
  })

  test.each([
    ['OUTBOUND_ALLOW', 'http://10.0.0.1', /not of the form host:port/],
    ['SERPER_DOMAIN_FILTER', 'example.com/path', /is not a domain/],
    ['MCP_SEARCH_ENGINE', 'bing', /MCP_SEARCH_ENGINE/],
    ['MCP_STATE_KEY', 'c2hvcnQ', /32 bytes/],
    ['SANDBOX_POOL_SIZE', '0', /SANDBOX_POOL_SIZE/],
    ['PUBLIC_URL', 'nowhere', /PUBLIC_URL/],
  ])('refuses %s=%s', (name, value, message) => {
    expect(() => loadConfig({ ...NEEDED, [name]: value })).toThrow(message)
  })
})
