import { randomUUID } from 'node:crypto'
import { expect, test } from '@jest/globals'
import {
  Client as ClientV2,
  type OAuthClientProvider as ProviderV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { openBrowser } from '../auth/browser.ts'
import { at, type Json } from '../platform.ts'
import { type Account, newUser } from './people.ts'

/** A person logs in from an MCP client: it is told nothing but the address of the endpoint and its own client id. */

const info = { name: 'test', version: '1' }
const REDIRECT = 'http://127.0.0.1:49152/callback'

/** What a client keeps, and a browser at hand that signs its person in. Both generations ask for the same. */
function createMemory({ email, password }: Account) {
  const kept: { tokens?: Json; verifier?: string; page?: URL; state?: string; back?: URL; discovered?: Json } = {}
  const provider = {
    redirectUrl: REDIRECT,
    clientMetadata: { redirect_uris: [REDIRECT], client_name: 'test', token_endpoint_auth_method: 'none' },
    clientInformation: () => ({ client_id: 'jan-mcp' }),
    state: () => {
      kept.state = randomUUID()
      return kept.state
    },
    tokens: () => kept.tokens,
    saveTokens: (tokens: Json) => {
      kept.tokens = tokens
    },
    saveCodeVerifier: (verifier: string) => {
      kept.verifier = verifier
    },
    saveDiscoveryState: (discovered: Json) => {
      kept.discovered = discovered
    },
    discoveryState: () => kept.discovered,
    codeVerifier: () => kept.verifier!,
    redirectToAuthorization: async (page: URL) => {
      kept.page = page
      const { location } = await openBrowser().signIn(page.href, email, password)
      kept.back = new URL(location!)
      expect(kept.back.searchParams.get('state')).toBe(kept.state)
    },
  }
  return { kept, provider }
}

const generations = [
  [
    'SDK v1',
    (provider: Json, path: string) => {
      const connect = () => new TransportV1(new URL(at('gateway', path)), { authProvider: provider })
      const open = async (transport: Json) => {
        const client = new ClientV1(info)
        await client.connect(transport)
        return client as Json
      }
      const finish = (transport: Json, back: URL) => transport.finishAuth(back.searchParams.get('code'))
      return { connect, open, finish }
    },
  ],
  [
    'SDK v2',
    (provider: Json, path: string) => {
      const connect = () => new TransportV2(new URL(at('gateway', path)), { authProvider: provider as ProviderV2 })
      const open = async (transport: Json) => {
        const client = new ClientV2(info)
        await client.connect(transport)
        return client as Json
      }
      const finish = (transport: Json, back: URL) => transport.finishAuth(back.searchParams)
      return { connect, open, finish }
    },
  ],
] as const

test.each(generations.flatMap(([name, of]) => ['/v1/mcp', '/mcp'].map((path) => [name, path, of] as const)))(
  'a client of %s logs a person in at %s as jan-mcp, and calls as them [B-004 B-011 B-088]',
  async (_name, path, of) => {
    const { kept, provider } = createMemory(await newUser())
    const { connect, open, finish } = of(provider, path)
    const refused = connect()
    await expect(open(refused)).rejects.toThrow(/unauthori[sz]ed/i)
    expect(kept.page?.origin).toBe(new URL(at('identity')).origin)
    expect(Object.fromEntries(kept.page!.searchParams)).toMatchObject({
      client_id: 'jan-mcp',
      code_challenge_method: 'S256',
      redirect_uri: REDIRECT,
    })
    await finish(refused, kept.back!)
    const client = await open(connect())
    const { tools } = await client.listTools()
    expect(tools.map((tool: Json) => tool.name)).toEqual(expect.arrayContaining(['google_search', 'python_exec']))
    const result = await client.callTool({ name: 'python_exec', arguments: { code: 'print(6*7)' } })
    expect([result.isError ?? false, result.content[0].text]).toEqual([false, expect.stringContaining('42')])
    expect(kept.tokens).toMatchObject({ access_token: expect.any(String), refresh_token: expect.any(String) })
    await client.close()
  },
  120_000,
)
