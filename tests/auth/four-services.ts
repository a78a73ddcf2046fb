import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestDatabase } from '@jan/testkit/postgres'
import { type Served, serve } from '@jan/testkit/serve'
import { startServiceProcess } from '@jan/testkit/service-process'
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import type { Json } from './world.ts'

/** Every service as it is shipped, with an issuer whose key is the test's own. */
export type FourServices = {
  issuer: string
  publicKey: JWK
  /** How often somebody asked for the issuer's keys. */
  keysAsked: number
  internalKeys: string
  /** A signed access token; `claims` and `header` override the usual ones, undefined leaves one out. */
  token(claims?: JWTPayload & Record<string, unknown>, header?: Record<string, unknown>): Promise<string>
  doors: Door[]
  close(): Promise<void>
}

/** A route of a service that needs somebody, and how it is called. */
export type Door = { service: string; knock(headers: Record<string, string>): Promise<Reply> }
export type Reply = { status: number; headers: Headers; json: Json }

const PNG =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const NOWHERE = 'http://127.0.0.1:9'
const newRing = () => `t:${randomBytes(32).toString('base64url')}`

export async function openServices(): Promise<FourServices> {
  await using opening = new AsyncDisposableStack()
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const jwk = { ...(await exportJWK(publicKey)), alg: 'RS256', use: 'sig', kid: 'current' }
  const services = { publicKey: jwk, keysAsked: 0, internalKeys: newRing() }
  const keys: Served = opening.use(
    await serve((_request, response) => {
      services.keysAsked += 1
      // As at Keycloak, with a key that signs nothing.
      const listed = [{ ...jwk, kid: 'other', use: 'enc', alg: 'RSA-OAEP' }, jwk]
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: listed }))
    }),
  )
  const issuer = `${keys.url}/realms/jan`
  const folder = opening.adopt(await mkdtemp(join(tmpdir(), 'jan-media-')), (path) => rm(path, { recursive: true }))
  const common = {
    INTERNAL_TOKEN_KEYS: services.internalKeys,
    FIELD_ENCRYPTION_KEYS: newRing(),
    AUTH_ISSUER: issuer,
    AUTH_JWKS_URL: `${issuer}/protocol/openid-connect/certs`,
    LLM_API_URL: NOWHERE,
    MCP_TOOLS_URL: NOWHERE,
    MEDIA_API_URL: NOWHERE,
  }
  const database = async (service: string) =>
    opening.adopt(await createTestDatabase({ service }), (each) => each.drop()).url
  const start = async (service: string, more: Record<string, string>) => {
    const started = await startServiceProcess(service, (url) => ({ ...common, MEDIA_PUBLIC_URL: url, ...more }))
    return opening.adopt(started, (each) => each[Symbol.asyncDispose]()).url
  }
  const door = (service: string, url: string, body: unknown): Door => ({
    service,
    knock: async (headers) => {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      })
      return { status: answer.status, headers: answer.headers, json: await answer.json() }
    },
  })
  const llmApi = await start('llm-api', {
    LLM_DATABASE_URL: await database('llm-api'),
    BACKEND_CLIENT_SECRET: 'unused',
    JAN_MODEL_BASE_URL: `${NOWHERE}/v1`,
  })
  const responseApi = await start('response-api', { RESPONSE_DATABASE_URL: await database('response-api') })
  const mediaApi = await start('media-api', {
    MEDIA_DATABASE_URL: await database('media-api'),
    MEDIA_DISK_PATH: folder,
    MEDIA_URL_SECRET: randomBytes(32).toString('base64url'),
  })
  const mcpTools = await start('mcp-tools', { MCP_TOOLS_DATABASE_URL: await database('mcp-tools') })
  const opened = opening.move()
  return Object.assign(services, {
    issuer,
    token: (claims: JWTPayload & Record<string, unknown> = {}, header: Record<string, unknown> = {}) => {
      const now = Math.floor(Date.now() / 1000)
      const usual = { iss: issuer, sub: 'ann', aud: 'jan', typ: 'Bearer', azp: 'jan-client', iat: now, exp: now + 3600 }
      const roles = { realm_access: { roles: ['user'] } }
      return new SignJWT({ ...usual, ...roles, ...claims })
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: 'current', ...header })
        .sign(privateKey)
    },
    doors: [
      door('llm-api', `${llmApi}/v1/chat/completions`, { model: 'none', messages: [{ role: 'user', content: 'x' }] }),
      door('response-api', `${responseApi}/v1/responses`, { input: 7 }),
      door('media-api', `${mediaApi}/v1/media`, { source: { type: 'data_url', data_url: PNG } }),
      door('mcp-tools', `${mcpTools}/v1/mcp`, { jsonrpc: '2.0', id: 1, method: 'tools/list' }),
    ],
    close: () => opened.disposeAsync(),
  })
}
