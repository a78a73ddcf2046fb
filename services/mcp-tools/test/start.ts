import type { Server } from 'node:http'
import { createInternalTokens, parseInternalKeys } from '@jan/service-kit/internal-token'
import { Closers, createServerFor, listen } from '@jan/service-kit/lifecycle'
import { silentLogger } from '@jan/service-kit/logger'
import { createTestDatabase } from '@jan/testkit/postgres'
import { serve } from '@jan/testkit/serve'
import { createTokenIssuer, type TokenIssuer } from '@jan/testkit/tokens'
import { createApp } from '../src/app.ts'
import { loadConfig } from '../src/config.ts'
import { type Additions, connect, type Deps } from '../src/deps.ts'
import { builtInTools } from '../src/tools/built-in-tools.ts'
import { createTestTools } from './test-tools.ts'

export const FIELD_ENCRYPTION_KEYS = `test:${Buffer.alloc(32, 8).toString('base64url')}`
export const INTERNAL_TOKEN_KEYS = `test:${Buffer.alloc(32, 7).toString('base64url')}`

let made: Promise<TokenIssuer> | undefined
/** One for a test file: its keys take a while to make. */
const sharedIssuer = () => {
  made ??= createTokenIssuer()
  return made
}

/** The service on a free port, with an identity provider of its own, the built-in tools and those for tests. */
export async function startService(
  env: Record<string, string> = {},
  overrides: Partial<Deps> = {},
  additions: Additions = {},
) {
  const [issuer, database] = await Promise.all([sharedIssuer(), createTestDatabase({ service: 'mcp-tools' })])
  const identity = await serve((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(issuer.keys.jwks()))
  })
  const config = loadConfig({
    MCP_TOOLS_LOG_LEVEL: 'silent',
    AUTH_ISSUER: issuer.issuer,
    AUTH_JWKS_URL: identity.url,
    INTERNAL_TOKEN_KEYS,
    FIELD_ENCRYPTION_KEYS,
    MCP_TOOLS_DATABASE_URL: database.url,
    ...env,
  })
  const closers = new Closers()
  const testTools = createTestTools()
  const deps = { ...(await connect(config, closers, [...builtInTools, ...testTools.tools], additions)), ...overrides }
  const app = createApp(deps)
  const server = createServerFor(app)
  const port = await listen(server, { host: '127.0.0.1', port: 0 })
  const url = `http://127.0.0.1:${port}`
  const { authorization } = await issuer.bearer('ada')
  return {
    url,
    mcpUrl: new URL(`${url}/v1/mcp`),
    issuer,
    /** Where another replica finds the keys of the same issuer. */
    identityUrl: identity.url,
    app,
    deps,
    database,
    authorization,
    internal: createInternalTokens('response-api', parseInternalKeys(INTERNAL_TOKEN_KEYS)),
    ...testTools,
    /** One POST as the user ada; headers with an empty value are left out. */
    post: (body: unknown, headers: Record<string, string> = {}) =>
      fetch(`${url}/v1/mcp`, {
        method: 'POST',
        headers: withoutEmpty({ authorization, 'content-type': 'application/json', ...headers }),
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    close: async () => {
      await closeServer(server)
      await closers.close(silentLogger)
      await identity.close()
      await database.drop()
    },
  }
}

export type TestService = Awaited<ReturnType<typeof startService>>

const withoutEmpty = (headers: Record<string, string>) =>
  Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== ''))

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise((done) => server.close(done))
}

/** Waits for something that happens elsewhere. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

export const call = (name: string, args: unknown = {}, id: string | number = 1) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
})

/** The messages of an event stream that has ended. */
export const messagesOf = (text: string): Record<string, unknown>[] =>
  [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data!) as Record<string, unknown>)
