import { createHash } from 'node:crypto'
import { text as readText } from 'node:stream/consumers'
import { type Served, serve } from '@jan/testkit/serve'
import type { BridgeService } from './bridge-start.ts'
import { type McpServer, startMcpServer } from './mcp-server.ts'

/** An authorization server whose access tokens last as long as a test says, and whose refresh tokens are good once. */
export async function startAuthority() {
  const state = {
    lifetime: 3600,
    issued: 0,
    refreshes: 0,
    registrations: 0,
    valid: new Set<string>(),
    /** Refresh tokens that were not spent. */
    unspent: new Set<string>(),
    withdrawn: false,
    exchanges: 0,
    /** Codes are exchanged when this settles. */
    exchanging: Promise.resolve(),
    /** Refreshes are answered when this settles. */
    answering: Promise.resolve(),
    /** Answers the next refreshes itself. */
    broken: undefined as { status: number; text: string } | undefined,
  }
  const codes = new Map<string, { challenge: string; redirect: string }>()
  const issue = () => {
    const n = ++state.issued
    state.valid.add(`access-${n}`)
    state.unspent.add(`refresh-${n}`)
    return {
      access_token: `access-${n}`,
      refresh_token: `refresh-${n}`,
      token_type: 'Bearer',
      expires_in: state.lifetime,
    }
  }
  const served: Served = await serve(async (request, response) => {
    const url = new URL(request.url!, served.url)
    const answer = (value: object, status = 200) =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    if (url.pathname === '/.well-known/oauth-authorization-server')
      return answer({
        issuer: served.url,
        authorization_endpoint: `${served.url}/authorize`,
        token_endpoint: `${served.url}/token`,
        registration_endpoint: `${served.url}/register`,
        response_types_supported: ['code'],
        code_challenge_methods_supported: ['S256'],
        token_endpoint_auth_methods_supported: ['none'],
      })
    if (url.pathname === '/register') {
      state.registrations++
      return answer({ ...JSON.parse(await readText(request)), client_id: 'registered' }, 201)
    }
    if (url.pathname === '/authorize') {
      const { redirect_uri: redirect, state: sent, code_challenge: challenge } = Object.fromEntries(url.searchParams)
      codes.set('code-1', { challenge: challenge!, redirect: redirect! })
      return void response.writeHead(302, { location: `${redirect}?code=code-1&state=${sent}` }).end()
    }
    if (url.pathname !== '/token') return void response.writeHead(404).end()
    const form = new URLSearchParams(await readText(request))
    if (form.get('grant_type') === 'refresh_token') {
      state.refreshes++
      if (state.broken) return void response.writeHead(state.broken.status).end(state.broken.text)
      const isGood = state.unspent.delete(form.get('refresh_token')!) && !state.withdrawn
      await state.answering
      return isGood ? answer(issue()) : answer({ error: 'invalid_grant' }, 400)
    }
    state.exchanges++
    await state.exchanging
    const known = codes.get(form.get('code')!)
    const digest = createHash('sha256').update(form.get('code_verifier')!).digest('base64url')
    const isGood = known?.challenge === digest && known.redirect === form.get('redirect_uri')
    return isGood ? answer(issue()) : answer({ error: 'invalid_grant' }, 400)
  })
  return { ...served, state }
}

export type Authority = Awaited<ReturnType<typeof startAuthority>>

/** An MCP server at `/mcp` that answers those only to whom `authority` gave an access. */
export async function startServerWithLogin(authority: Authority): Promise<McpServer> {
  const far = await startMcpServer()
  far.state.before = ({ request, response }) => {
    if (authority.state.valid.has(request.headers.authorization?.slice(7) ?? '')) return false
    response.writeHead(401).end()
    return true
  }
  const protocol = far.server.listeners('request')[0] as (request: object, response: object) => void
  far.server.removeAllListeners('request').on('request', (request, response) => {
    if (!request.url?.startsWith('/.well-known/')) return protocol(request, response)
    if (!request.url.startsWith('/.well-known/oauth-protected-resource')) return response.writeHead(404).end()
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ resource: `${far.url}/mcp`, authorization_servers: [authority.url] }))
  })
  return far
}

/** What a browser does, up to the page with the completion. */
export async function browse(jan: BridgeService, url: string): Promise<string> {
  const { headers } = await fetch(url, { redirect: 'manual' })
  const back = new URL(headers.get('location')!)
  const page = await (await fetch(`${jan.url}${back.pathname}${back.search}`)).text()
  return /<pre id="completion">([\w-]+)<\/pre>/.exec(page)![1]!
}

/** Logs `who` in at a server of the file. @returns the status of the end */
export async function logIn(jan: BridgeService, server: string, who = 'ada'): Promise<number> {
  const begun = await jan.api('POST', `/file_${server}/oauth/start`, undefined, [who])
  const completion = await browse(jan, begun.body.authorization_url)
  return (await jan.api('POST', `/file_${server}/oauth/finish`, { completion }, [who])).status
}
