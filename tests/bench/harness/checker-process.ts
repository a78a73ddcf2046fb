import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as yieldOnce } from 'node:timers/promises'
import { acceptKeys } from '@jan/service-kit/accept-keys'
import { createApiKeys } from '@jan/service-kit/api-keys'
import { bearerAuth } from '@jan/service-kit/auth'
import { createInternalTokens, parseInternalKeys } from '@jan/service-kit/internal-token'
import { createTokenIssuer } from '@jan/testkit/tokens'
import { readInput, tell } from '../../measure/child-process.ts'

type Headers = Record<string, string>

/** Checks who calls when told: `POST /token`, `/tokens`, `/key` and `/keys` answer when `checks` callers are known. */
const { checks, people } = readInput<{ checks: number; people: number }>()
const issuer = await createTokenIssuer()
const apiKeys = createApiKeys({
  introspect: async (hash) => ({
    person: { kind: 'user', subject: hash, workspaceId: hash, roles: ['user'], scopes: ['chat'], keyId: hash },
    expiresAt: new Date(Date.now() + 3_600_000),
  }),
})
const bearer = bearerAuth({
  keys: issuer.keys,
  issuer: issuer.issuer,
  audience: ['jan'],
  jwksUrl: 'http://127.0.0.1:9/certs',
  internal: createInternalTokens('llm-api', parseInternalKeys(`bench:${randomBytes(32).toString('base64url')}`)),
})
const authenticate = acceptKeys(bearer, apiKeys)

const numbers = Array.from({ length: people }, (_, index) => index)
const tokens: Headers[] = await Promise.all(numbers.map((each) => issuer.bearer(`person-${each}`)))
const keys: Headers[] = numbers.map(() => ({ 'x-api-key': `sk_live_${randomBytes(24).toString('hex')}` }))
const callers: Record<string, Headers[]> = {
  '/token': tokens.slice(0, 1),
  '/tokens': tokens,
  '/key': keys.slice(0, 1),
  '/keys': keys,
}

const server = createServer(async (request, response) => {
  const headers = callers[request.url!]!
  for (let checked = 0; checked < checks; checked += 1) {
    const caller = authenticate(headers[checked % headers.length]!)
    if (!(caller instanceof Promise ? await caller : caller)) throw new Error('nobody')
    if (checked % 100 === 0) await yieldOnce()
  }
  response.end()
})
server.listen(0, '127.0.0.1', () => tell({ port: (server.address() as AddressInfo).port }))
