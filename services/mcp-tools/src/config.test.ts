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

  test('a URL of SandboxFusion puts it in place of the sandbox, under its old name, too [B-032 P-049]', () => {
    const sandboxOf = (variables: Record<string, string>) => loadConfig({ ...NEEDED, ...variables }).sandbox
    expect(sandboxOf({})).toMatchObject({ fusionTimeoutMs: 30_000 })
    const url = 'http://sandbox-fusion:8080'
    expect(sandboxOf({ SANDBOXFUSION_URL: url, SANDBOXFUSION_TIMEOUT: '5s' })).toMatchObject({
      fusionUrl: url,
      fusionTimeoutMs: 5_000,
    })
    expect(sandboxOf({ SANDBOX_FUSION_URL: url })).toMatchObject({ fusionUrl: url })
    expect(sandboxOf({ SANDBOX_FUSION_URL: url, MCP_SANDBOX_PROVIDER: 'local' })).toMatchObject({ provider: 'local' })
  })

  test('takes what operators write', () => {
    const config = loadConfig({
      ...NEEDED,
      MCP_SEARCH_ENGINE: 'searxng, serper',
      SERPER_DOMAIN_FILTER: 'https://www.Example.com/, docs.example.org',
      MCP_SANDBOX_REQUIRE_APPROVAL: 'True',
      OUTBOUND_ALLOW: '127.0.0.1:9000, intranet.example:8080',
      MCP_STATE_KEY: Buffer.alloc(32, 9).toString('base64url'),
    })
    expect(config.search.engines).toEqual(['searxng', 'serper'])
    expect(config.search.domains).toEqual(['example.com', 'docs.example.org'])
    expect(config.sandbox.requireApproval).toBe(true)
    expect(config.outboundAllow).toEqual(['127.0.0.1:9000', 'intranet.example:8080'])
    expect(config.sessionKeys).toHaveLength(1)
  })

  test.each([
    ['OUTBOUND_ALLOW', 'http://10.0.0.1', /not of the form host:port/],
    ['SERPER_DOMAIN_FILTER', 'example.com/path', /is not a domain/],
    ['MCP_SEARCH_ENGINE', 'searxng,bing', /MCP_SEARCH_ENGINE/],
    ['MCP_STATE_KEY', 'c2hvcnQ', /32 bytes/],
    ['SANDBOX_POOL_SIZE', '0', /SANDBOX_POOL_SIZE/],
    ['PUBLIC_URL', 'nowhere', /PUBLIC_URL/],
    ['MCP_SANDBOX_PROVIDER', 'sandboxfusion', /SANDBOXFUSION_URL: needed/],
    ['SANDBOXFUSION_URL', 'nowhere', /SANDBOXFUSION_URL/],
    ['SANDBOXFUSION_TIMEOUT', 'soon', /SANDBOXFUSION_TIMEOUT/],
  ])('refuses %s=%s', (name, value, message) => {
    expect(() => loadConfig({ ...NEEDED, [name]: value })).toThrow(message)
  })
})
